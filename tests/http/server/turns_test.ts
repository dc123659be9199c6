import { assertEquals } from "@std/assert";
import { Turns } from "../../../http/server/turns.ts";

Deno.test("a turn serves so many, and the next one as many again", async () => {
  const turns = new Turns();
  const admitted = () => Array.from({ length: 100 }, () => turns.admit()).filter(Boolean).length;
  assertEquals(admitted(), 80);
  await Promise.resolve();
  assertEquals(admitted(), 80);
});

Deno.test("those who were put off are called in order, in later turns", async () => {
  const turns = new Turns();
  const called: number[] = [];
  const done = Promise.withResolvers<void>();
  for (let i = 0; i < 200; i++) turns.defer(() => called.push(i) === 200 && done.resolve());
  await Promise.resolve();
  assertEquals(called, []);
  await done.promise;
  assertEquals(called, Array.from({ length: 200 }, (_, i) => i));
});
