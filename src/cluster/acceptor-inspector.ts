// The inspector of an acceptor: the same over all reloads, there only while the configuration asks for it.
import { CompileError } from '../compile/compile-error.ts';
import type { Settings } from '../config/model.ts';
import { Inspector } from '../inspect/inspector.ts';
import { type Answer, answerTo, type Question } from '../inspect/questions.ts';
import type { FromAcceptor, ToAcceptor } from './messages.ts';

export class AcceptorInspector {
  #inspector: Inspector | null = null;
  /** Of a configuration that does not hold yet, and perhaps never will. */
  #coming: Inspector | null = null;
  #masked: readonly string[] = [];

  /** Who looks on at what a configuration serves; null where that asks for nobody. Throws where there is no memory for it. */
  tapFor({ inspector: kept }: Settings): Inspector | null {
    this.discard();
    if (kept === null) return null;
    try {
      if (this.#inspector === null) this.#coming = new Inspector(kept.bytes);
      else this.#inspector.ring.reserve(kept.bytes);
    } catch (error) {
      const why = `the system gives no ${kept.bytes} bytes (${(error as Error).message})`;
      throw new CompileError(kept.at, `"inspector": ${why}; make it smaller`);
    }
    return this.#inspector ?? this.#coming;
  }

  /** The configuration that was asked for last will not hold. */
  discard(): void {
    this.#coming = null;
    this.#inspector?.ring.giveReservedBack();
  }

  /** From now on these settings hold. */
  use({ inspector: kept, inspectorMask }: Settings): void {
    this.#masked = inspectorMask;
    // Tunnels that last hold the inspector that they began with.
    if (kept === null) this.#inspector?.ring.resize(0);
    this.#inspector = kept === null ? null : (this.#inspector ?? this.#coming);
    this.#coming = null;
    if (kept !== null) this.#inspector?.ring.resize(kept.bytes);
  }

  async answer(
    { id, question }: Extract<ToAcceptor, { type: 'ask' }>,
    send: (message: FromAcceptor) => void,
  ): Promise<void> {
    const answer = await this.#answerTo(JSON.parse(question) as Question);
    send({ type: 'answer', id, answer: JSON.stringify(answer) });
  }

  async #answerTo(question: Question): Promise<Answer> {
    if (this.#inspector === null)
      return { problem: 'nothing is kept: the configuration has no "inspector" (lbproxy dev sets it)' };
    try {
      return await answerTo(this.#inspector, this.#masked, question);
    } catch (error) {
      return { problem: `internal error: ${(error as Error).message}` };
    }
  }
}
