/** The members of the web's `Body`, which requests and responses have in common. */
import { Body } from "./body.ts";

/** What has a body: a `Request` or a `Response`. */
type Message = globalThis.Request | globalThis.Response;

/**
 * Gives a class the members of the web's `Body`: `body`, `bodyUsed`, `text()` and so on.
 *
 * @param type The class.
 * @param bodyOf The body of one of its instances; `null` for none.
 */
export function defineBodyMembers<T extends Message>(
  type: { readonly prototype: T },
  bodyOf: (message: T) => Body | null,
): void {
  const some = (message: T) => bodyOf(message) ?? new Body("");
  const contentType = (message: T) => message.headers.get("content-type");
  const members = {
    get body() {
      const body = bodyOf(self(this));
      return body === null ? null : body.stream();
    },
    get bodyUsed() {
      const body = bodyOf(self(this));
      return body !== null && body.used;
    },
    text() {
      return some(self(this)).text();
    },
    json() {
      return some(self(this)).json();
    },
    bytes() {
      return some(self(this)).bytes();
    },
    arrayBuffer() {
      return some(self(this)).arrayBuffer();
    },
    blob() {
      const message: T = self(this);
      return some(message).blob(contentType(message));
    },
    formData() {
      const message: T = self(this);
      return some(message).formData(contentType(message));
    },
    textStream() {
      return some(self(this)).textStream();
    },
  };
  Object.defineProperties(type.prototype, Object.getOwnPropertyDescriptors(members));
}

/** `this` of a method that is going to be one of another class. */
function self<T>(object: unknown): T {
  return object as T;
}
