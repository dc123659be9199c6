import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { checkCatchable, checkSignal, nameOfNumber, signalNames } from "../../ipc/signal_names.ts";

Deno.test("checkSignal() refuses what the platform lacks and names what it has", () => {
  for (const name of ["SIGFOO", "sigint", "", 15, undefined]) {
    const error = assertThrows(() => checkSignal(name), TypeError);
    for (const known of signalNames) assertStringIncludes(error.message, known);
  }
  assertStringIncludes(assertThrows(() => checkSignal("SIGFOO"), TypeError).message, '"SIGFOO"');
  for (const name of signalNames) checkSignal(name);
});

Deno.test("every signal that counts as catchable can be listened to here", () => {
  const listener = () => {};
  let count = 0;
  for (const name of signalNames) {
    try {
      checkCatchable(name);
    } catch {
      continue;
    }
    // Without its last listener a broken pipe would end this process.
    if (name === "SIGPIPE") continue;
    Deno.addSignalListener(name, listener);
    Deno.removeSignalListener(name, listener);
    count++;
  }
  assert(count > 1);
});

Deno.test("checkCatchable() refuses what no program can catch, with the reason", () => {
  assertStringIncludes(
    assertThrows(() => checkCatchable("SIGKILL"), TypeError).message,
    'signal "SIGKILL" cannot be caught: the system lets no program',
  );
  if (Deno.build.os !== "windows") {
    assertStringIncludes(
      assertThrows(() => checkCatchable("SIGSEGV"), TypeError).message,
      "the program itself is broken",
    );
  }
});

Deno.test({
  name: "nameOfNumber() counts real-time signals from the first that programs may use",
  ignore: Deno.build.os !== "linux",
  fn() {
    assertEquals([34, 40, 64, 32].map(nameOfNumber), [
      ...["SIGRTMIN", "SIGRTMIN+6", "SIGRTMIN+30", "signal 32"],
    ]);
  },
});
