/** The runtime's packet engine with one of its ways to open an UDP socket. */
import { type PacketEngine, runtimePackets } from "../../net/packet.ts";
import type { OpenUdpPort } from "../../net/runtime/datagram.ts";

/** The engine that opens UDP sockets this way. */
export const over = (openUdp: OpenUdpPort): PacketEngine => ({ ...runtimePackets, openUdp });
