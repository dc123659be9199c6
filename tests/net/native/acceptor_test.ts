import { assertEquals, assertRejects } from "@std/assert";
import { Acceptor } from "../../../net/native/acceptor.ts";
import {
  AF_UNIX,
  bind,
  close,
  connect,
  getsockname,
  listen,
  SOCK_STREAM,
  socket,
} from "../../../sys/mod.ts";
import { far } from "../../support/conn_helpers.ts";
import { outcome, settle } from "../../support/fake_clock.ts";
import { assertNoFdLeak, deno, source } from "./support.ts";

/** An acceptor on a name of the kernel's choice, and what connects to it. */
function acceptorHere(): { acceptor: Acceptor; connectHere: () => number } {
  const fd = socket(AF_UNIX, SOCK_STREAM);
  bind(fd, { family: "unix", path: "" });
  listen(fd);
  const address = getsockname(fd);
  const connectHere = () => {
    const client = socket(AF_UNIX, SOCK_STREAM);
    connect(client, address);
    return client;
  };
  return { acceptor: new Acceptor(fd), connectHere };
}

Deno.test("accept() takes what is there at once, and waits for what is not", async () => {
  await assertNoFdLeak(async () => {
    const { acceptor, connectHere } = acceptorHere();
    const fds = [connectHere(), connectHere()];
    fds.push((await acceptor.accept()).fd, (await acceptor.accept()).fd);
    const waiting = acceptor.accept();
    const seen = outcome(waiting);
    await settle();
    assertEquals(seen, {});
    fds.push(connectHere(), (await waiting).fd);
    fds.forEach(close);
    acceptor.close();
  });
});

Deno.test("one accept at a time", async () => {
  const { acceptor } = acceptorHere();
  const waiting = assertRejects(() => acceptor.accept(), Deno.errors.BadResource);
  await assertRejects(() => acceptor.accept(), Deno.errors.Busy);
  acceptor.close();
  await waiting;
});

Deno.test("close() ends a pending accept and later ones with BadResource", async () => {
  await assertNoFdLeak(async () => {
    const { acceptor } = acceptorHere();
    const waiting = assertRejects(() => acceptor.accept(), Deno.errors.BadResource);
    acceptor.close();
    acceptor.close();
    await waiting;
    await assertRejects(() => acceptor.accept(), Deno.errors.BadResource);
  });
});

Deno.test("an accept goes on, whether it is unreferenced or referenced meanwhile", async () => {
  const { acceptor, connectHere } = acceptorHere();
  const awake = setTimeout(() => {}, far); // the test itself has to go on
  for (const change of [() => acceptor.unref(), () => acceptor.ref()]) {
    const waiting = acceptor.accept();
    change();
    close(connectHere());
    close((await waiting).fd);
  }
  clearTimeout(awake);
  acceptor.close();
});

Deno.test("an acceptor that is unreferenced while it waits lets the process end", async () => {
  const script = `
    import { Acceptor } from ${JSON.stringify(source("net/native/acceptor.ts"))};
    import * as sys from ${JSON.stringify(source("sys/mod.ts"))};
    const fd = sys.socket(sys.AF_UNIX, sys.SOCK_STREAM);
    sys.bind(fd, { family: "unix", path: "" });
    sys.listen(fd);
    const acceptor = new Acceptor(fd);
    acceptor.accept();
    Deno.unrefTimer(setTimeout(() => {
      console.log("kept");
      acceptor.unref();
    }, 100));`;
  await using child = deno(script, "--allow-ffi");
  assertEquals(await child.line(), "kept");
  await child.ended();
});
