/**
 * One of two processes of the tour that take turns: `player.ts PART WHERE NAME START`. It prints
 * when it had its turn.
 */
import { lockFile, Semaphore } from "../../ipc/mod.ts";

const [part, where, name, start] = Deno.args;
const turns = 3;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const now = () => performance.timeOrigin + performance.now();

await pause(Number(start) - Date.now());
if (part === "lock") {
  for (let i = 0; i < turns; i++) {
    {
      using _lock = await lockFile(where, { timeout: 10_000 });
      console.log(now(), name);
      await pause(5);
    }
    await pause(10); // the lock knows no queue: let the other one have it
  }
} else {
  const other = name === "ping" ? "pong" : "ping";
  using mine = await Semaphore.open(`${where}-${name}`);
  using theirs = await Semaphore.open(`${where}-${other}`);
  for (let i = 0; i < turns; i++) {
    await mine.acquire({ timeout: 10_000 });
    console.log(now(), name);
    theirs.release();
  }
}
