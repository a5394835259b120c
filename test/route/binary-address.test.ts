// `$binary_remote_addr`: the bytes of an address.
import { expect, it } from 'vitest';
import { binaryAddress } from '../../src/route/binary-address.ts';

it.each([
  ['127.0.0.1', '7f000001'],
  ['255.0.10.9', 'ff000a09'],
  ['::1', `${'00'.repeat(15)}01`],
  ['::', '00'.repeat(16)],
  ['2001:db8::8:800:200c:417a', '20010db80000000000080800200c417a'],
  ['2001:db8:0:1:2:3:4:ffff', '20010db800000001000200030004ffff'],
  ['fe80::1%eth0', 'fe800000000000000000000000000001'],
  ['::ffff:1.2.3.4', '00000000000000000000ffff01020304'],
  ['unix:', Buffer.from('unix:').toString('hex')],
])('of %s', (address, hex) => {
  expect(Buffer.from(binaryAddress(address), 'latin1').toString('hex')).toBe(hex);
});
