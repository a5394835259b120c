// Pieces of what is shown of a request.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { ShownBody } from '../../../inspect/body-text.ts';
import { bytes } from '../format.ts';
import { fieldsOf } from './copy-as.ts';

export interface FoldProps {
  readonly title: string;
  readonly open?: boolean;
  readonly children: ComponentChildren;
}

/** What is closed is not made. */
export function Fold({ title, open = false, children }: FoldProps) {
  const isOpen = useSignal(open);
  return (
    <details
      open={isOpen.value}
      onToggle={(event) => {
        isOpen.value = event.currentTarget.open;
      }}
    >
      <summary>{title}</summary>
      {isOpen.value && children}
    </details>
  );
}

/** The first line and the fields of a head; what may follow it is left out. */
export function HeadView({ head }: { readonly head: string }) {
  const [own] = head.split('\r\n\r\n', 1);
  const [first] = own.split('\r\n', 1);
  return (
    <div class="head">
      <p class="first">{first}</p>
      <dl>
        {fieldsOf(own).map(([name, value], i) => (
          <div key={i}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

export function BodyView({ body }: { readonly body: ShownBody }) {
  const { length, text, form, isCut, decoded } = body;
  if (length === 0) return <p class="dim">No body.</p>;
  const notes = [
    bytes(length),
    ...(decoded === '' ? [] : [`${decoded} decoded`]),
    ...(form === 'none' ? ['nothing of it is kept'] : isCut ? ['its beginning'] : []),
    ...(form === 'hex' ? ['no text, shown as hexadecimal'] : []),
  ];
  return (
    <>
      <p class="dim">Body: {notes.join(', ')}</p>
      {form !== 'none' && <pre class="body">{form === 'hex' ? hexLines(text) : indented(text, isCut)}</pre>}
    </>
  );
}

/** JSON is easier to read in lines. */
function indented(text: string, isCut: boolean): string {
  if (isCut || !/^\s*[{[]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const LINE_BYTES = 16;

function hexLines(hex: string): string {
  const pairs = hex.match(/../g) ?? [];
  const lines: string[] = [];
  for (let i = 0; i < pairs.length; i += LINE_BYTES) {
    const part = pairs.slice(i, i + LINE_BYTES);
    const letters = part.map((pair) => {
      const code = Number.parseInt(pair, 16);
      return code >= 32 && code < 127 ? String.fromCharCode(code) : '.';
    });
    lines.push(
      `${i.toString(16).padStart(4, '0')}  ${part.join(' ').padEnd(LINE_BYTES * 3)} ${letters.join('')}`,
    );
  }
  return lines.join('\n');
}
