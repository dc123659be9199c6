/** Our client of our own server; `peers/client_cases.ts` says what it asks. */
import { testClientOf } from "./peers/client_cases.ts";
import { own } from "./peers/client_servers.ts";

testClientOf(own);
