// The inspector of an acceptor: the same over all reloads, there only while the configuration asks for it.
import type { Settings } from '../config/model.ts';
import { Inspector } from '../inspect/inspector.ts';
import { type Answer, answerTo, type Question } from '../inspect/questions.ts';
import type { FromAcceptor, ToAcceptor } from './messages.ts';

export class AcceptorInspector {
  #inspector: Inspector | null = null;
  /** Of a configuration that does not hold yet, and perhaps never will. */
  #coming: Inspector | null = null;
  #masked: readonly string[] = [];

  /** Who looks on at what a configuration serves; null where that asks for nobody. */
  tapFor({ inspectorBytes }: Settings): Inspector | null {
    if (inspectorBytes === 0) return null;
    if (this.#inspector !== null) return this.#inspector;
    this.#coming ??= new Inspector(inspectorBytes);
    return this.#coming;
  }

  /** From now on these settings hold. */
  use({ inspectorBytes, inspectorMask }: Settings): void {
    this.#masked = inspectorMask;
    this.#inspector = inspectorBytes === 0 ? null : (this.#inspector ?? this.#coming);
    this.#coming = null;
    this.#inspector?.ring.resize(inspectorBytes);
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
