// The inspector of an acceptor: the same over all reloads, there only while the configuration asks for it.
import type { Settings } from '../config/model.ts';
import { Inspector } from '../inspect/inspector.ts';
import { type Answer, answerTo, type Question } from '../inspect/questions.ts';
import type { FromAcceptor, ToAcceptor } from './messages.ts';

export class AcceptorInspector {
  #inspector: Inspector | null = null;
  #masked: readonly string[] = [];

  /** Who looks on at what a configuration serves; null where that asks for nobody. */
  tapFor({ inspectorBytes }: Settings): Inspector | null {
    if (inspectorBytes === 0) return null;
    this.#inspector ??= new Inspector(inspectorBytes);
    return this.#inspector;
  }

  /** From now on these settings hold. */
  use({ inspectorBytes, inspectorMask }: Settings): void {
    this.#masked = inspectorMask;
    if (this.#inspector === null) return;
    if (inspectorBytes === 0) this.#inspector = null;
    else this.#inspector.ring.resize(inspectorBytes);
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
