import { assertEquals } from "@std/assert";
import { parkNever, parkSoon } from "../../../http/client/parking.ts";

// A timer that is left behind fails these by itself.
const sanitize = { sanitizeOps: true, sanitizeResources: true };

Deno.test(
  "connections are parked together, each once, but for those that are gone",
  sanitize,
  async () => {
    const log: string[] = [];
    const gone = { park: () => void log.push("gone") };
    const named = { park: () => void log.push("named twice") };
    await new Promise<void>((resolve) => {
      parkSoon(named);
      parkSoon(gone);
      parkSoon(named);
      parkSoon({ park: resolve });
      parkNever(gone);
      assertEquals(log, []);
    });
    assertEquals(log, ["named twice"]);
  },
);

Deno.test("a connection is parked again when it is named again", sanitize, async () => {
  for (let i = 0; i < 2; i++) {
    await new Promise<void>((resolve) => parkSoon({ park: resolve }));
  }
});

Deno.test("when the last connection is gone, nothing is left to wait for", sanitize, () => {
  const conn = { park() {} };
  parkSoon(conn);
  parkNever(conn);
  parkNever(conn);
});
