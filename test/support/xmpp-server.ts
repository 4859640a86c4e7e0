/** How a room is set up. What is left out stays as the server has it (public, open). */
export interface RoomOptions {
  /** True shows real JIDs to everybody (non-anonymous), false only to moderators. Default true. */
  readonly publicJids?: boolean;
  readonly membersOnly?: boolean;
  readonly moderated?: boolean;
  /** "" takes a password away. */
  readonly password?: string;
  /** False lets the room vanish with its last occupant. Default true. */
  readonly persistent?: boolean;
  /** True keeps the room out of the service's list. Default false. */
  readonly hidden?: boolean;
  /** False keeps no archive of the room, whatever the service does. */
  readonly archive?: boolean;
  /** The room's human-readable name. */
  readonly name?: string;
  readonly subject?: string;
  /** Bare JID to affiliation. */
  readonly affiliations?: Readonly<
    Record<string, "owner" | "admin" | "member" | "outcast" | "none">
  >;
}

/** What every server of the tests can do, whichever program it is. All of it on 127.0.0.1. */
export interface XmppServer {
  readonly domain: string;
  readonly conference: string;
  readonly ports: {
    /** Client streams that start in the clear and upgrade by STARTTLS. */
    readonly c2s: number;
    /** Client streams inside TLS from the first byte (XEP-0368). */
    readonly c2sTls: number;
  };
  /** PEM file of the authority that signed the server's certificate. */
  readonly caFile: string;
  log(): string;
  /** Creates the account `user@host` (default host: `domain`) and returns its bare JID. */
  register(user: string, password: string, host?: string): Promise<string>;
  unregister(user: string, host?: string): Promise<void>;
  /** Creates or reconfigures a room and returns its JID. Nobody owns it unless told. */
  room(name: string, options?: RoomOptions): Promise<string>;
  /** Who is in a room, as the server has it: bare JIDs by nick. Undefined where there is no such room. */
  occupants(room: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** Starts it again on the same ports and data after `stop`-less ends, or restarts it. */
  restart(): Promise<void>;
  /** Ends the process at once, without a goodbye on any stream. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}
