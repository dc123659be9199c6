import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { netAddress } from "../../net/address.ts";
import { Dialer } from "../../net/dialer.ts";
import {
  checkDialerOptions,
  type DialerOptions,
  keepAliveWanted,
} from "../../net/dialer_options.ts";

const lookupHost = () => Promise.resolve(["127.0.0.1"]);

for (
  const options of [
    {},
    { timeout: 0, deadline: 0, keepAlive: 0, fallbackDelay: 0 },
    { timeout: -1, deadline: new Date(), keepAlive: -1, fallbackDelay: -1, noDelay: false },
    { timeout: Infinity, keepAlive: true, noDelay: true, fallbackDelay: Infinity },
    { localAddr: "127.0.0.1:0" },
    { localAddr: netAddress("tcp", "::1", 0) },
    { resolver: { lookupHost }, trace: {} },
    { timeout: undefined, keepAlive: undefined, localAddr: undefined, resolver: undefined },
  ] as DialerOptions[]
) {
  Deno.test(`a Dialer takes ${Deno.inspect(options, { depth: 1, breakLength: Infinity })}`, () => {
    checkDialerOptions(options);
    new Dialer(options);
  });
}

for (
  const [options, type, says] of [
    [{ timeout: "5" }, TypeError, 'timeout must be a number of milliseconds, got "5"'],
    [{ timeout: NaN }, RangeError, "timeout must not be NaN"],
    [{ timeout: null }, TypeError, "timeout must be a number"],
    [{ deadline: "soon" }, TypeError, "deadline must be a Date or a number"],
    [{ deadline: new Date(NaN) }, RangeError, "deadline must be a valid time"],
    [
      { keepAlive: "yes" },
      TypeError,
      "keepAlive must be a boolean, milliseconds or an object, got yes",
    ],
    [
      { keepAlive: null },
      TypeError,
      "keepAlive must be a boolean, milliseconds or an object, got null",
    ],
    [{ keepAlive: NaN }, RangeError, "keepAlive must not be NaN"],
    [{ noDelay: 1 }, TypeError, "noDelay must be a boolean, got 1"],
    [{ noDelay: null }, TypeError, "noDelay must be a boolean, got null"],
    [
      { fallbackDelay: "300" },
      TypeError,
      "fallbackDelay must be a number of milliseconds, got 300",
    ],
    [{ fallbackDelay: NaN }, RangeError, "fallbackDelay must not be NaN"],
    [{ resolver: lookupHost }, TypeError, "resolver must be an object with lookupHost()"],
    [{ resolver: null }, TypeError, "resolver must be an object with lookupHost(), got null"],
    [{ resolver: {} }, TypeError, "resolver must be an object with lookupHost()"],
    [{ trace: "all" }, TypeError, "trace must be an object of hooks, got all"],
    [{ trace: null }, TypeError, "trace must be an object of hooks, got null"],
    [{ localAddr: 80 }, TypeError, "localAddr must be a string or an address, got 80"],
    [{ localAddr: null }, TypeError, "localAddr must be a string or an address, got null"],
  ] as const
) {
  const what = Deno.inspect(options, { depth: 1, breakLength: Infinity });
  Deno.test(`a Dialer refuses ${what} when it is made`, () => {
    assertThrows(() => new Dialer(options as unknown as DialerOptions), type, says);
  });
}

Deno.test("a Dialer looks at its options once: changing them later changes nothing", async () => {
  const options: DialerOptions = { timeout: -1 };
  const dialer = new Dialer(options);
  options.timeout = 0;
  const error = await dialer.dial("tcp", "127.0.0.1:1").catch((error) => error);
  assertStrictEquals(error.code, "ETIMEDOUT");
});

Deno.test("keepAliveWanted() is on unless turned off", () => {
  for (
    const [keepAlive, wanted] of [
      [undefined, true],
      [true, true],
      [false, false],
      [15_000, true],
      [0, true],
      [-1, false],
    ] as const
  ) assertEquals([keepAlive, keepAliveWanted({ keepAlive })], [keepAlive, wanted]);
});
