/**
 * The tour: what the package does, done for real on this machine.
 *
 * Run it with `deno task demo`; `deno task demo HOST:PORT` dials that server too, and
 * `deno task demo URL` asks that URL.
 */
import { httpTour } from "./tour/http.ts";
import { ipcTour } from "./tour/ipc.ts";
import { dialTour, netTour } from "./tour/net.ts";

const urls = Deno.args.filter((arg) => /^https?:\/\//.test(arg));
const hosts = Deno.args.filter((arg) => !urls.includes(arg));

await netTour();
for (const host of hosts) await dialTour(host);
await httpTour(urls[0]);
await ipcTour(new URL("tour/player.ts", import.meta.url).pathname);
