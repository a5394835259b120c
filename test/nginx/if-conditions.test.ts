// Conditions of `if` in every spelling that nginx takes: with blanks inside the parentheses, with empty texts, quoted.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { readModel } from '../support/proxy.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const CONDITIONS = [
  ...[
    '($arg_a = "")',
    '( $arg_a = "" )',
    '($arg_a = "" )',
    '( $arg_a = "")',
    '($arg_a != "")',
    '( $arg_a )',
    '($arg_a )',
    '( $arg_a)',
  ],
  ...[
    "($arg_a = '')",
    '($arg_a ~ "^$")',
    '($arg_a ~ "" )',
    '( -f /nothing )',
    '( !-f /nothing )',
    '(!-e "/nothing")',
    '($arg_a = b)',
  ],
  ...[
    '( $arg_a ~* B )',

    '($arg_a = "b")',
    '($arg_a = "b c")',
    '( $arg_a = $arg_b )',
    '( $arg_a != $arg_b )',
  ],
  ...['($arg_a = ")")', '( $arg_a = ( )', '($arg_a = b) ', '($arg_a !~ "^[)]" )'],
];

describe.skipIf(nginxVersion === '')('conditions', () => {
  let pair: Pair;
  beforeAll(async () => {
    const places = CONDITIONS.map(
      (c, i) => `location = /${i} { if ${c} { return 200 "true"; } return 200 "false"; }`,
    );
    pair = await startPair(`server { listen {port}; ${places.join('\n')} }`);
  });
  afterAll(() => pair?.close());

  it.each(CONDITIONS.map((condition, i) => [condition, i] as const))('if %s', async (_condition, i) => {
    for (const query of ['', '?a=', '?a=b', '?a=0', '?a=b&b=b', '?a=(', '?a=)']) {
      const { nginx, lbproxy } = await askBoth(pair, request('GET', `/${i}${query}`));
      expect(nginx.body).toMatch(/^(?:true|false)$/);
      expect([query, lbproxy.body]).toEqual([query, nginx.body]);
    }
  });
});

it.each([
  ['()', 'the condition of "if" is empty'],
  ['( )', 'the condition of "if" is empty'],
  ['$a', 'the condition of "if" stands in parentheses: if ($variable) { … }'],
  ['( $a', 'the condition of "if" stands in parentheses: if ($variable) { … }'],
  ['($a =)', 'a condition is: ($variable operator value)'],
  ['( $a = )', 'a condition is: ($variable operator value)'],
  ['(-f)', 'a condition is: (-f path)'],
  ['( -f )', 'a condition is: (-f path)'],
  ['($a = b c)', 'a condition is: ($variable operator value)'],
])('if %s is refused', (condition, message) => {
  expect(() =>
    readModel(`http { server { listen 127.0.0.1:0; set $a 1; if ${condition} { return 404; } } }`),
  ).toThrow(message);
});
