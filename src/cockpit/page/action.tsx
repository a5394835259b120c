// A button that asks lbproxy for something, and tells what came of it.
import { useSignal } from '@preact/signals';
import type { Outcome } from '../face.ts';
import { change } from './api.ts';
import { tell } from './state.ts';

export interface ActionProps {
  readonly text: string;
  /** For those who do not see what it stands beside. */
  readonly label?: string;
  readonly path: string;
  readonly body: unknown;
  readonly disabled?: boolean;
  readonly onDone?: () => void;
}

export function Action({ text, label, path, body, disabled = false, onDone }: ActionProps) {
  const isBusy = useSignal(false);
  const act = async (): Promise<void> => {
    isBusy.value = true;
    await ask(path, body);
    isBusy.value = false;
    onDone?.();
  };
  return (
    <button type="button" aria-label={label} disabled={disabled || isBusy.value} onClick={() => void act()}>
      {text}
    </button>
  );
}

/** True when it was done. */
export async function ask(path: string, body: unknown): Promise<boolean> {
  try {
    const {
      ok,
      text,
      lines = [],
    } = await change<Outcome & { readonly lines?: readonly string[] }>(path, body);
    tell([text, ...lines].filter((line) => line !== '').join('\n') || 'Done.', !ok);
    return ok;
  } catch (error) {
    tell((error as Error).message, true);
    return false;
  }
}
