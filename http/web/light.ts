/**
 * Light versions of the runtime's own classes: `instanceof` holds and the runtime takes them, but
 * nothing of the original is made until the runtime itself looks inside.
 *
 * The runtime keeps an object's state behind symbols of its own. A light class overrides every
 * public member, and answers for each of those symbols with what a real object, made at that
 * moment, holds.
 */

/** A class that looks like another one: its instances, and its `super()`. */
// deno-lint-ignore no-explicit-any -- constructors of any signature
type AnyClass<T> = abstract new (...args: any[]) => T;

/**
 * Makes a class a light one: its `super()` then runs nothing of the original. To be called in a
 * static block of the class, which must override every member of the original.
 *
 * @param type The class; it extends the original.
 * @param sample A real object, which shows what the runtime keeps in one.
 * @param real Gives the real object behind a light one, always the same.
 */
export function makeLight<T extends object>(
  type: AnyClass<T>,
  sample: object,
  real: (light: T) => object,
): void {
  const original = Object.getPrototypeOf(type);
  // A function, since a class cannot be given the prototype of another one.
  const Light = function () {};
  Light.prototype = original.prototype;
  Object.setPrototypeOf(Light, original);
  Object.setPrototypeOf(type, Light);
  for (const key of Object.getOwnPropertySymbols(sample)) {
    const value: unknown = Reflect.get(sample, key);
    Object.defineProperty(
      type.prototype,
      key,
      // The brand, by which the runtime knows its own, is the same in every object.
      value === key ? { configurable: true, value } : {
        configurable: true,
        get(this: T) {
          return Reflect.get(real(this), key);
        },
        set(this: T, to: unknown) {
          Reflect.set(real(this), key, to);
        },
      },
    );
  }
}
