---@meta relay
-- SPDX-License-Identifier: MIT OR Apache-2.0
-- What scripts of moq-relay find, for editors that know LuaCATS (lua-language-server). It is never run. docs/lua.md explains it.

---A peer: it lives as long as its session. Whatever else a script keeps in the table stays there.
---@class relay.Peer
---@field id number of all peers of the relay
---@field address string "[::1]:4443"
---@field sni string the name of the server that it asked for
---@field path string of its URL
---@field query table<string, string> of its URL, decoded, without the token
---@field page string the origin of a page, as browsers tell it
---@field transport "webtransport"|"quic"|"guest"
---@field version number of transfork; 0: none yet
---@field identity string? of its grants
---@field claims table of its token
---@field cluster boolean another relay
---@field [any] any

---A viewer: one subscription of a peer. What follows `track` is there in `sample` and `leave`.
---@class relay.Viewer
---@field id number of all viewers of the relay
---@field peer relay.Peer
---@field path string that it asked for
---@field track string that it is served
---@field latency number milliseconds that apply to it now
---@field priority number 0 to 255; 128 is neutral
---@field order "newest"|"oldest"
---@field rate number its cap in bits per second; 0: none
---@field identity_rate number the cap of all viewers of its identity together; 0: none
---@field ladder relay.Rendition[]? what it may be moved between, the lowest bit rate first
---@field rtt_ms number
---@field rate_bps number that its path was measured to carry; 0: not known
---@field loss number lost packets, 0 to 1
---@field backlog_bytes number there for it, but not sent yet
---@field backlog_ms number the age of the oldest group that it has not got
---@field groups_sent number
---@field groups_skipped number
---@field late number groups that were cut because they were later than its latency
---@field watched number seconds
---@field bytes_sent number
---@field [any] any

---One of several tracks with the same pictures.
---@class relay.Rendition
---@field name string the last part of its path
---@field path string
---@field bitrate number bits per second; 0: not known

---A publisher that could feed a track, in `choose_source` and `subscribe`.
---@class relay.Candidate
---@field id number of the peer; 0: a module
---@field worker number where it is
---@field hops number relays in between
---@field age number seconds since it was announced
---@field identity string?
---@field address string
---@field path string of its URL
---@field query string of its URL
---@field claims table of its token
---@field newest boolean it feeds the track if nobody chooses
---@field feeding boolean it feeds the track now
---@field silent boolean it brought no groups for too long
---@field failed boolean it ended the track
---@field group_age_ms number? of one that feeds: since its newest group began
---@field group_interval_ms number?
---@field rate_bps number?

---What a peer wants, in `subscribe`.
---@class relay.Want
---@field path string
---@field kind "subscribe"|"fetch"|"info"
---@field priority number?
---@field order "newest"|"oldest"|nil
---@field candidates relay.Candidate[]? the publishers of the path, if there are several

---@alias relay.Denial "refused"|"unauthorized"|"forbidden"|"not found"|"busy"|"expired"

---How a viewer is served. False: relay.yaml decides again.
---@class relay.Policy
---@field latency number|false|nil milliseconds: a group is skipped when its successor is older than this
---@field priority number|false|nil 0 to 255; higher goes first
---@field order "newest"|"oldest"|false|nil which of several groups goes first
---@field rate number|false|nil bits per second that it may get at most; 0: no cap
---@field identity_rate number|false|nil the same for all viewers of its identity together

---The answer of `sample` and `backlog`.
---@class relay.Change: relay.Policy
---@field track string? the rendition to move to: its path, or the last parts of it

---The answer of `subscribe`.
---@class relay.Service: relay.Policy
---@field track string? the rendition to begin with
---@field start "newest"|"oldest"|"next"|number|nil where it begins; a number: so many seconds back
---@field path string? the path to serve instead
---@field source string|number|nil who is to feed the track from now on, for all viewers: an identity, or the `id` of a candidate

---The answer of `announce`.
---@class relay.Offer
---@field path string? the path to offer instead

---The answer of `connect`: what the peer may do, and nothing else.
---@class relay.Grants
---@field publish string[]? prefixes of paths
---@field subscribe string[]? prefixes of paths
---@field identity string? its name for the log
---@field expires number? when it is closed, in seconds since 1970

---@class relay
---@field params table those of relay.yaml
local relay = {}

---Sets a hook, while the script loads.
---@overload fun(name: "load", hook: fun(params: table): boolean?, string?)
---@overload fun(name: "connect", hook: fun(peer: relay.Peer): relay.Grants|boolean?, string?, relay.Denial?)
---@overload fun(name: "announce", hook: fun(peer: relay.Peer, path: string): relay.Offer|boolean?, string?, relay.Denial?)
---@overload fun(name: "subscribe", hook: fun(viewer: relay.Viewer, want: relay.Want): relay.Service|boolean?, string?, relay.Denial?)
---@overload fun(name: "sample", hook: fun(viewer: relay.Viewer): relay.Change|"skip"|"close"|boolean|nil, string?, relay.Denial?)
---@overload fun(name: "backlog", hook: fun(viewer: relay.Viewer, behind: number): relay.Change|"skip"|"close"|boolean|nil, string?, relay.Denial?)
---@overload fun(name: "choose_source", hook: fun(path: string, candidates: relay.Candidate[], cause: "watched"|"candidate"|"lost"|"silent"): number?)
---@overload fun(name: "leave", hook: fun(viewer: relay.Viewer))
function relay.on(name, hook) end

---Writes a line to the log.
---@param level "error"|"warn"|"info"|"debug"|"trace"
---@param text string
function relay.log(level, text) end

---A counter that /stats shows. Returns a function that adds to it: 1, or its argument.
---@param name string of a-z, 0-9 and _
---@return fun(change: number?)
function relay.counter(name) end

---Seconds, of a clock that never goes back.
---@return number
function relay.now() end

---Calls `run` again and again. Returns a number for relay.cancel.
---@param seconds number
---@param run fun()
---@return number
function relay.every(seconds, run) end

---Calls `run` once.
---@param seconds number
---@param run fun()
---@return number
function relay.after(seconds, run) end

---Ends what relay.every or relay.after began.
---@param number number
function relay.cancel(number) end

---Ends a viewer's subscription, or a peer's session, when the script has returned. False: it was gone already.
---@param object relay.Viewer|relay.Peer
---@param reason string? for the log, and for the peer of a session
---@param word relay.Denial?
---@return boolean
function relay.close(object, reason, word) end

---Numbers of all workers, and in `here` of this one: workers, sessions, viewers, tracks, bytes_sent.
---@return table
function relay.stats() end

---Numbers of a track that is watched on this worker: viewers (of all workers), viewers_here, rate_bps, group_interval_ms, cached_ms, cached_bytes, newest, newest_age_ms, worker.
---@param path string
---@return table?
function relay.track(path) end

---Viewers of this worker: 100, or `limit` (at most 1024), and the place for `after` where to go on; nil: that were all.
---@param which? { path: string?, limit: number?, after: number? }
---@return relay.Viewer[], number?
function relay.viewers(which) end

---Texts and numbers that all workers and generations of the script share: 4096 keys of at most 127 bytes, values of at most 1023.
relay.shared = {}

---@param key string
---@return string?
function relay.shared.get(key) end

---@param key string
---@param text string? nil: removes it
function relay.shared.set(key, text) end

---Adds to a number, 0 if there is none, and returns the sum.
---@param key string
---@param change integer?
---@return number
function relay.shared.add(key, change) end

---The keys that begin with `prefix`, all or at most `limit`, the oldest first.
---@param prefix string?
---@param limit number?
---@return string[]
function relay.shared.keys(prefix, limit) end

return relay
