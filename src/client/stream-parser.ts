/**
 * The XML of a stream, as elements; hostile input ends the stream and nothing more.
 *
 * It takes the place of xmpp.js's parser, whose exceptions reach the socket's event loop. It builds
 * ltx's own Element, so that all of the program works with one class, and it has bounds
 * (RFC 6120 §13.12): beyond `MAX_STANZA` characters the stream is in error; what lies deeper than
 * `MAX_DEPTH` levels is left out, because any peer may send it and the server passes it on: to end
 * the stream for it would let a stranger cut the agent off.
 */
import { EventEmitter } from "node:events";
import { Element } from "ltx";
import SaxParser from "ltx/src/parsers/ltx.js";
import { XmppConnectionError, messageOf } from "../errors.ts";

/** Characters from the start of a stanza to its end; servers allow 256 KiB and less. */
export const MAX_STANZA = 1024 * 1024;
/** Levels of elements within a stanza; those below are not built. */
export const MAX_DEPTH = 128;
/**
 * How the end of an XML declaration, a comment or a CDATA section may begin. ltx looks for it within one
 * chunk: where a packet ends between "?" and ">", it would take the rest of the stream for the declaration.
 */
const HALF_AN_END = /(?:\?|--?|\]\]?)$/;
/** ltx searches the rest of a chunk anew for each character of text: 1 MiB at once takes it 10 s. */
const SLICE = 1024;

const NS_FRAMING = "urn:ietf:params:xml:ns:xmpp-framing";

/**
 * Emits `start` (the opening element), `element` (each complete child of the stream), `end`, and
 * `error` (an XmppConnectionError `protocol`) at most once; after an error, an end or `discard()` it is deaf.
 */
export class StreamParser extends EventEmitter {
  readonly #sax = new SaxParser();
  #root: Element | null = null;
  #cursor: Element | null = null;
  #depth = 0;
  /** Characters since the last complete stanza. */
  #pending = 0;
  #deaf = false;
  /** The end of the last chunk, kept for the next one. */
  #held = "";
  readonly #framed: boolean;

  constructor(framed = false) {
    super();
    this.#framed = framed;
    this.#sax.on("startElement", (name, attrs) => this.#onStart(name, attrs));
    this.#sax.on("endElement", (name) => this.#onEnd(name));
    this.#sax.on("text", (text) => this.#onText(text));
  }

  write(text: string): void {
    if (text.length > SLICE) {
      for (let at = 0; at < text.length; at += SLICE) this.write(text.slice(at, at + SLICE));
      return;
    }
    if (this.#deaf) return;
    this.#pending += text.length;
    const known = this.#held + text;
    this.#held = HALF_AN_END.exec(known)?.[0] ?? "";
    try {
      this.#sax.write(known.slice(0, known.length - this.#held.length));
      if (this.#pending > MAX_STANZA)
        throw new Error(`a stanza is larger than ${MAX_STANZA} characters`);
    } catch (error) {
      const problem = messageOf(error);
      this.#fail(
        new XmppConnectionError("protocol", `the server sent bad XML: ${problem}`, {
          cause: error,
        }),
      );
    }
  }

  /** Ignores whatever follows, also in the chunk that is being parsed right now. */
  discard(): void {
    this.#deaf = true;
  }

  #fail(error: Error): void {
    if (this.#deaf) return;
    this.#deaf = true;
    this.emit("error", error);
  }

  #onStart(name: string, attrs: Record<string, string>): void {
    if (this.#deaf) return;
    const element = new Element(name, attrs);
    if (!this.#framed && this.#root === null) {
      this.#root = this.#cursor = element;
      this.#pending = 0;
      this.emit("start", element);
      return;
    }
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) return;
    if (this.#depth > 1) this.#cursor?.append(element);
    this.#cursor = element;
  }

  #onEnd(name: string): void {
    if (this.#deaf) return;
    if (this.#depth > MAX_DEPTH) {
      this.#depth -= 1;
      return;
    }
    const element = this.#cursor;
    if (element?.name !== name) throw new Error("an element is closed that is not open");
    if (this.#depth === 0) {
      this.#deaf = true;
      this.emit("end", element);
      return;
    }
    this.#depth -= 1;
    if (this.#depth > 0) {
      this.#cursor = element.parent;
      return;
    }
    this.#pending = 0;
    this.#cursor = this.#root;
    if (this.#framed) this.#emitFrame(element);
    else {
      element.parent = this.#root; // for the namespaces that the stream header declares
      this.emit("element", element);
    }
  }

  /** RFC 7395 §3.3: each WebSocket message is one whole element, stream headers included. */
  #emitFrame(element: Element): void {
    if (element.is("open", NS_FRAMING)) this.emit("start", element);
    else if (element.is("close", NS_FRAMING)) {
      this.#deaf = true;
      this.emit("end", element);
    } else this.emit("element", element);
  }

  #onText(text: string): void {
    if (this.#deaf) return;
    if (this.#depth > MAX_DEPTH) return;
    if (this.#depth > 0) this.#cursor?.t(text);
    else if (text.trim() !== "") throw new Error("text stands outside of any stanza");
    else this.#pending = 0; // whitespace keepalives (RFC 6120 §4.6.1)
  }
}

/** The same for RFC 7395, where xmpp.js constructs it without arguments. */
export class FrameParser extends StreamParser {
  constructor() {
    super(true);
  }
}
