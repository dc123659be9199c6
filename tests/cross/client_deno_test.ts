/** Our client of `Deno.serve`; `peers/client_cases.ts` says what it asks. */
import { testClientOf } from "./peers/client_cases.ts";
import { deno } from "./peers/client_servers.ts";

testClientOf(deno);
