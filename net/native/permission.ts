/** System calls go past the runtime's permissions: what it would ask for is asked for here. */
import { joinHostPort } from "../address.ts";
import { splitZone } from "../ip.ts";

/**
 * Refuses a host that the program may not use, as the runtime's sockets do. Never prompts.
 *
 * @param hostname The IP address; `undefined` for all of them.
 * @param port The port; `undefined` where there is none.
 * @throws {Deno.errors.NotCapable} Without net permission for it.
 */
export function requireNet(hostname: string | undefined, port?: number): void {
  // The runtime remembers each host it was ever asked about, so it is asked about few.
  if (mayUseAnyHost()) return;
  const ip = splitZone(hostname ?? "0.0.0.0").host;
  const host = port === undefined ? ip : joinHostPort(ip, port);
  if (Deno.permissions.querySync({ name: "net", host }).state === "granted") return;
  throw new Deno.errors.NotCapable(
    `Requires net access to ${JSON.stringify(host)}, run again with the --allow-net flag`,
  );
}

/** Whether every host may be used, so that none has to be asked about. */
export function mayUseAnyHost(): boolean {
  const { state, partial } = Deno.permissions.querySync({ name: "net" });
  return state === "granted" && !partial; // some may be denied nevertheless
}
