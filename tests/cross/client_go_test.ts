/** Our client of Go's `net/http` server; `peers/client_cases.ts` says what it asks. */
import { testClientOf } from "./peers/client_cases.ts";
import { go } from "./peers/client_servers.ts";

testClientOf(go);
