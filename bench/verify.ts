// Before anything is timed: does the contender give the right answers?
import type { Scenario } from './scenarios.ts';

/** Throws when an answer is not what the scenario says. */
export async function verify(contender: string, port: number, scenario: Scenario): Promise<void> {
  for (let i = 0; i < 8; i++) {
    const res = await fetch(`http://127.0.0.1:${port}${scenario.path}`, {
      method: scenario.method,
      ...(scenario.bodyBytes > 0 ? { body: 'b'.repeat(scenario.bodyBytes) } : {}),
    });
    const body = await res.text();
    if (res.status !== 200 || body.length !== scenario.answerBytes || /[^x]/.test(body)) {
      throw new Error(
        `wrong answer of ${contender} in "${scenario.name}": status ${res.status}, ${body.length} bytes`,
      );
    }
  }
}
