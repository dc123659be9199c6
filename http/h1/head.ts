/** The heads of requests and responses, and what they say about the body. */
export { chunkedBody, responseBodyLength, untilClose } from "./framing.ts";
export { type HeadLimits, requestLimits, responseLimits } from "./limits.ts";
export { type RequestHead, RequestParser } from "./request_head.ts";
export { type ResponseHead, ResponseParser } from "./response_head.ts";
