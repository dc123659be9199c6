import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { makeLight } from "../../../http/web/light.ts";
import { LightHeaders } from "../../../http/web/light_headers.ts";
import { Request } from "../../../http/web/request.ts";
import { Response } from "../../../http/web/response.ts";

/** An original that keeps its state as the runtime's classes do. */
const brand = Symbol("brand");
const state = Symbol("state");
let made = 0;
class Original {
  [brand] = brand;
  [state]: string;
  constructor(value: string) {
    made++;
    this[state] = value;
  }
  get value(): string {
    return this[state];
  }
}

class Light extends Original {
  #real: Original | undefined;
  static {
    makeLight(this, new Original("sample"), (light) => light.#real ??= new Original("real"));
  }
  override get value(): string {
    return "light";
  }
}

Deno.test("a light class is made without running the original's constructor", () => {
  made = 0;
  const light = new Light("ignored");
  assert(light instanceof Original);
  assertStrictEquals(light.value, "light");
  assertStrictEquals(light[brand], brand);
  assertStrictEquals(made, 0);
});

Deno.test("the original's methods see the state of one real object behind a light one", () => {
  made = 0;
  const light = new Light("ignored");
  const original = Object.getOwnPropertyDescriptor(Original.prototype, "value")!.get!;
  assertStrictEquals(original.call(light), "real");
  light[state] = "changed";
  assertStrictEquals(original.call(light), "changed");
  assertStrictEquals(made, 1);
  assertEquals(Object.getOwnPropertySymbols(light), []);
});

const classes: [string, { prototype: object }, { prototype: object }][] = [
  ["Headers", LightHeaders, globalThis.Headers],
  ["Request", Request, globalThis.Request],
  ["Response", Response, globalThis.Response],
];
for (const [name, ours, original] of classes) {
  Deno.test(`${name} overrides every public member of the runtime's`, () => {
    const missing = Object.getOwnPropertyNames(original.prototype)
      .filter((member) => !Object.hasOwn(ours.prototype, member));
    assertEquals(missing, []);
  });
}
