// An address as the bytes it stands for: `$binary_remote_addr`, the usual key of limits.
import { isIPv4, isIPv6 } from 'node:net';

/** Four bytes, or sixteen, as latin1; the text itself where it is no address (a Unix socket). */
export function binaryAddress(address: string): string {
  if (isIPv4(address)) return String.fromCharCode(...address.split('.').map(Number));
  if (!isIPv6(address)) return address;
  // A zone (`%eth0`) is not part of it.
  const [left, right] = address.split('%', 1)[0].split('::');
  const [head, tail] = [bytesOf(left), bytesOf(right ?? '')];
  return head + '\0'.repeat(Math.max(0, 16 - head.length - tail.length)) + tail;
}

function bytesOf(groups: string): string {
  if (groups === '') return '';
  return groups
    .split(':')
    .map((group) => {
      if (group.includes('.')) return String.fromCharCode(...group.split('.').map(Number));
      const n = Number.parseInt(group, 16);
      return String.fromCharCode(n >> 8, n & 255);
    })
    .join('');
}
