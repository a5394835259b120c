// Two requests beside each other, line by line.

import { lineDiff } from './line-diff.ts';
import type { Shown } from './listed.ts';
import { detail, detailProblem, other } from './selection.ts';

export function Comparison() {
  const [left, right] = [other.value, detail.value];
  if (left === null || right === null) return <p class="empty">{detailProblem.value || 'Loading …'}</p>;
  const parts: readonly (readonly [title: string, of: (request: Shown) => string])[] = [
    ['Request', ({ requestHead, requestBody }) => `${requestHead.trimEnd()}\n\n${requestBody.text}`],
    ['Answer', ({ answerHead, answerBody }) => `${answerHead.trimEnd()}\n\n${answerBody.text}`],
    [
      'Attempts',
      ({ attempts }) => attempts.map((one) => `${one.peer} ${one.outcome} ${one.status}`).join('\n'),
    ],
  ];
  return (
    <article aria-label="Comparison">
      <h3 class="url">
        <span class="minus">− {nameOf(left)}</span>
        <br />
        <span class="plus">+ {nameOf(right)}</span>
      </h3>
      {parts.map(([title, of]) => (
        <Part key={title} title={title} left={of(left)} right={of(right)} />
      ))}
    </article>
  );
}

function nameOf({ method, target, id, status }: Shown): string {
  return `${method} ${target} ${status} (${id})`;
}

const SIGNS = { both: ' ', left: '−', right: '+' } as const;
const LOOKS = { both: '', left: 'minus', right: 'plus' } as const;

function Part({
  title,
  left,
  right,
}: {
  readonly title: string;
  readonly left: string;
  readonly right: string;
}) {
  const lines = lineDiff(left, right);
  const isSame = lines.every(({ side }) => side === 'both');
  return (
    <section aria-label={`${title}: differences`}>
      <h4>
        {title} {isSame && <span class="dim">is the same</span>}
      </h4>
      <pre class="diff">
        {lines.map(({ side, text }, i) => (
          <div key={i} class={LOOKS[side]}>
            {SIGNS[side]} {text}
          </div>
        ))}
      </pre>
    </section>
  );
}
