import { assertEquals } from "@std/assert";
import { mayUseAnyHost, requireNet } from "../../../net/native/permission.ts";
import { runChild } from "../../support/net_helpers.ts";

Deno.test("requireNet() lets pass what the program may do", () => {
  assertEquals(mayUseAnyHost(), true);
  requireNet(undefined, 0);
  requireNet("::1", 80);
  requireNet("fe80::1%1");
});

Deno.test("system calls ask for the net permission that the runtime's sockets need", async () => {
  const child = await runChild(
    `
    const show = (error) => console.log(error.code, error.cause?.name, error.message);
    const options = { engine: "native" };
    await net.dial("tcp", "127.0.0.2:9", options).catch(show);
    await net.dial("udp", "127.0.0.2:9", options).catch(show);
    try { net.listen("tcp", "127.0.0.2:0", options); } catch (error) { show(error); }
    const socket = net.listenPacket("udp", "127.0.0.1:0", options);
    await socket.send(new Uint8Array(1), "127.0.0.2:9").catch(show);
    await socket.send(new Uint8Array(1), socket.addr);
    console.log((await socket.receive())[0].length);
    socket.close();`,
    ["--allow-ffi", "--allow-net=127.0.0.1"],
  );
  const denied = (what: string, flag: string) =>
    `ERR_NOT_CAPABLE NotCapable ${what}: permission denied, run again with --allow-net=${flag}`;
  assertEquals(child.stdout.trim().split("\n"), [
    denied('dial tcp "127.0.0.2:9"', "127.0.0.2:9"),
    denied('dial udp "127.0.0.2:9"', "127.0.0.2:9"),
    denied('listen tcp "127.0.0.2:0"', "127.0.0.2:0"),
    denied('send udp "127.0.0.2:9"', "127.0.0.2:9"),
    "1",
  ]);
});

Deno.test("a host that is denied stays so, though all others are allowed", async () => {
  const child = await runChild(
    `
    const show = (error) => console.log(error.code, error.cause?.name);
    const options = { engine: "native" };
    await net.dial("tcp", "127.0.0.2:9", options).catch(show);
    const socket = net.listenPacket("udp", "127.0.0.1:0", options);
    await socket.send(new Uint8Array(1), "127.0.0.2:9").catch(show);
    socket.close();`,
    ["--allow-ffi", "--allow-net", "--deny-net=127.0.0.2"],
  );
  assertEquals(child.stdout, "ERR_NOT_CAPABLE NotCapable\nERR_NOT_CAPABLE NotCapable");
});
