/**
 * Clients that are slow, vanish, reset and send what is no request, and check every answer. They
 * take `Places` as JSON, and answer each line, for how many ms to go on, with what has come of it.
 */
import { linesOf, say } from "./child.ts";
import { visit, type VisitKind } from "./visits.ts";

/** What has come of it. */
export interface Outcome {
  readonly answered: number;
  /** Visits by kind. */
  readonly visits: Partial<Record<VisitKind, number>>;
  readonly violations: string[];
}

/** How many visit at the same time. */
const visitors = 32;

const places = JSON.parse(Deno.args[0]);
let next = 0;

async function run(ms: number): Promise<Outcome> {
  const end = performance.now() + ms;
  const outcome = { answered: 0, visits: {} as Partial<Record<VisitKind, number>>, violations: [] };
  const violations: string[] = outcome.violations;
  const visitor = async () => {
    while (performance.now() < end) {
      try {
        const { kind, answered } = await visit(places, next++);
        outcome.answered += answered;
        outcome.visits[kind] = (outcome.visits[kind] ?? 0) + 1;
      } catch (error) {
        violations.push((error as Error).message);
      }
    }
  };
  await Promise.all(Array.from({ length: visitors }, visitor));
  return outcome;
}

if (import.meta.main) {
  say("ready");
  for await (const line of linesOf(Deno.stdin.readable)) say(await run(Number(line)));
  Deno.exit();
}
