# Sentence case, plain words. Say what happened, to whom, then what can be done.

brand-name = Raft Playground
brand-home = Raft Playground, home
close = Close
nobody = nobody

# Top bar

cluster-label = Cluster
preset-label = Preset
preset-tinykv = As in TinyKV: a new leader starts with an empty entry, and heartbeats are messages of their own.
preset-mit6824 = As in MIT 6.824: a new leader adds no entry, and heartbeats are empty appends.
preset-etcd = As in etcd: a store asks before it starts an election, and a leader without a quorum steps down.
transport-label = Time
transport-play = Play
transport-pause = Pause
transport-step = Deliver one event
speed-label = Speed
clock-label = Clock
clock-virtual = Virtual time of the cluster, in seconds
clock-real = real
pace-asked = asked
pace-reached = reached
pace-explained = How fast virtual time shall pass, and how fast it does
held-answer = waits for { $store }
held-disk = waits for the disk of { $store }
held-load = waits for { $store } to load
live-running = Live
live-paused = Paused
live-loading = Loading
live-off = Off
language-label = Language
theme-auto = Colours: as the system
theme-light = Colours: light
theme-dark = Colours: dark

# Stage

stage-label = Stage
stage-summary = { $stores } stores in a ring, { $down ->
    [0] all of them up.
    [one] one of them down.
   *[other] { $down } of them down.
}
stage-leader = { $store } leads in term { $term }.
stage-no-leader = No store leads.
stage-cut = The network is cut into { $groups } parts.
store-name = Store { $store }, { $role }, term { $term }
region-all-keys = all keys
region-voters = { $voters } voters, quorum { $quorum }
plate-last = last
plate-commit = commit
plate-behind = { $count } behind
plate-writes = { $rate } writes/s
plate-disk-full = disk is full
disks-memory = memory only
gauge-committed = committed
gauge-starting = starting stores
gauge-holders = on { $holders } of { $voters } disks
role-leader = Leader
role-follower = Follower
role-pre-candidate = Pre-candidate
role-candidate = Candidate
life-starting = starting
life-up = running
life-late = late
life-paused = paused
life-killed = killed
life-stopped = stopped
message-append = Append
message-append-response = Append answer
message-heartbeat = Heartbeat
message-heartbeat-response = Heartbeat answer
message-pre-vote = Pre-vote
message-pre-vote-response = Pre-vote answer
message-request-vote = Vote
message-request-vote-response = Vote answer
message-snapshot = Snapshot
message-timeout-now = Time out now
message-transfer-leader = Transfer leadership
message-read-index = Read index
message-read-index-response = Read index answer
message-yes = yes
message-no = no
message-now = now
tools-label = Tools
tool-select = Select
tool-wall = Build a wall
tool-heal = Heal
wall-hint = Click stores to move them to the far side of the wall.
wall-apply = Cut
wall-cancel = Cancel
island-name = Island { $letter }
fate-quorum = { $votes } of { $voters } voters · quorum
fate-no-quorum = { $votes } of { $voters } voters · no quorum
fate-quorum-short = quorum
fate-no-quorum-short = no quorum
fate-keeps-leader = { $votes } of { $voters } voters · keeps { $store } as leader

# What can be done to a store

action-kill = Kill
action-start = Start
action-isolate = Isolate
action-rows = Show the rows on its disk
action-pause = Pause its process
action-resume = Let its process go on
action-fill-disk = Fill its disk
action-make-room = Make room on its disk
action-corrupt-row = Turn a bit on its disk
action-wipe = Wipe its disk: it comes back as a new store
menu-is-down = it is down already
menu-is-up = it is running
menu-no-wall = no wall stands
menu-not-open = waits for the cluster to open
menu-new-cluster = New cluster
menu-download-recording = Download recording
menu-download-disks = Download disks

# Client

dock-label = Client, events and log
client-title = Client
client-sub = every command goes through the log
client-key-hint = key
client-value-hint = value
client-expected-hint = write only over this value; empty: only if absent
client-end-hint = until
client-limit-hint = limit
client-put = Put
client-compare-and-set = Compare and set
client-append = Append
client-get = Get
client-delete = Delete
client-scan = Scan
client-via = Which store to ask: the client finds the leader, or asks one store only
client-via-leader = via leader
client-via-store = via { $store }
operations-label = Operations, newest first
operations-empty = Nothing was asked yet. Put a key, then get it back.
operation-open = open
operation-done = done
operation-failed = failed
operation-unknown = unknown
operation-never-sent = not sent
operation-nothing-there = nothing there
operation-swapped = it held that; written
operation-not-swapped = not written; it holds: { $value }
operation-unknown-explained = may or may not have happened; a late answer still settles it
operation-never-sent-explained = no store took it; it has no effect
operation-looks-for-leader = looks for a leader
operation-asked = asked { $store }
operation-asked-often = asked { $store }, { $times } sendings

# Feed

feed-title = Events
feed-empty = Nothing happened yet.
feed-you = You
feed-skipped = { $count } more facts that did not fit
deed-kill = killed { $store }
deed-start = started { $store }
deed-cut = cut the network: { $groups }
deed-heal = healed the network
deed-submit = asked for { $command }
deed-set = set { $setting } to { $value }
deed-block = blocked { $ways }
deed-unblock = opened every blocked way
deed-transfer = asked { $store } to hand the lead over to { $peer }
deed-change-peers = asked { $store } to change who belongs to its group
deed-compact = asked { $store } to drop its log but for { $keep } applied entries
deed-campaign = asked { $store } to campaign
deed-forget-leader = asked { $store } to forget its leader
deed-pause = paused { $store }
deed-resume = let { $store } go on
deed-drift = let the clock of { $store } run at { $ahead }/{ $of }
deed-fill-disk = filled the disk of { $store }
deed-make-room = made room on the disk of { $store }
deed-corrupt-row = turned a bit on the disk of { $store }
deed-wipe = wiped the disk of { $store }
fact-started = starts life { $life } with term { $term } and { $entries ->
    [0] no entries
    [one] one entry
   *[other] { $entries } entries
} on its disk
fact-applied = applied up to { $index }
fact-flushed = applied data is on its disk up to { $index }
fact-proposed = takes a command into its log at { $index }
fact-timer-reset = starts its election timer anew
fact-timer-stopped = stops its election timer
fact-term-changed = moves to term { $term }
fact-leads = leads in term { $term }
fact-campaigns = heard no leader and campaigns in term { $term }
fact-campaigns-asked = was asked to and campaigns in term { $term }
fact-campaigns-pre-vote-won = would win, so it campaigns in term { $term }
fact-campaigns-transfer = was asked by its leader to take over and campaigns in term { $term }
fact-asks-first = heard no leader and asks who would vote for it; it stays in term { $term }
fact-asks-first-asked = was asked to campaign and asks who would vote for it; it stays in term { $term }
fact-follows = follows { $leader } in term { $term }
fact-follows-nobody = follows nobody yet in term { $term }
fact-follows-higher-term = met term { $term } and steps back
fact-follows-start = comes up as a follower in term { $term }
fact-follows-lost = was refused by a majority and steps back in term { $term }
fact-follows-change-learned = stops asking for votes in term { $term }: a newer membership is committed
fact-follows-quorum-lost = heard from no quorum and gives up the lead of term { $term }
fact-follows-removed = is no voter any more and gives up the lead of term { $term }
fact-follows-forgotten = was asked to forget the leader of term { $term }
fact-vote-granted = votes for { $candidate } in term { $term }
fact-vote-already = refuses { $candidate }: its vote of term { $term } went to { $other }
fact-vote-has-leader = refuses { $candidate }: { $other } leads term { $term }
fact-vote-log-behind = refuses { $candidate } in term { $term }: its log ends at { $theirs }, the own at { $own }
fact-vote-stale-term = refuses { $candidate }: term { $term } is over
fact-vote-leader-lives = does not answer { $candidate }: it still hears { $other }, its leader
fact-vote-just-started = does not answer { $candidate }: it started a moment ago and may still owe a leader its word
fact-pre-vote-granted = would vote for { $candidate } in term { $term }
fact-pre-vote-already = would refuse { $candidate }: its vote of term { $term } went to { $other }
fact-pre-vote-has-leader = would refuse { $candidate }: { $other } leads term { $term }
fact-pre-vote-log-behind = would refuse { $candidate } in term { $term }: its log ends at { $theirs }, the own at { $own }
fact-pre-vote-stale-term = would refuse { $candidate }: term { $term } is over
fact-vote-counted-yes = counts a yes of { $voter }: { $yes } of { $needed }
fact-vote-counted-no = counts a no of { $voter }
fact-pre-vote-counted-yes = counts { $voter } among those who would vote for it: { $yes } of { $needed }
fact-pre-vote-counted-no = hears that { $voter } would refuse it
fact-appended = appends { $range }
fact-truncated = drops its entries from { $index } on
fact-durable = holds its log on disk up to { $index }
fact-committed-quorum = commits { $index }: a quorum holds it
fact-committed-leader = learns that { $index } is committed
fact-committed-vote = learns from { $store }, in an election, that { $index } is committed
fact-committed-restart = knew of commit { $index } before its restart
fact-progressed = knows that { $store } matches up to { $match } and sends { $next } next
fact-progressed-probe = looks for where { $store } matches, up to { $match } for sure, and tries { $next } next
fact-progressed-snapshot = waits for { $store } to take a snapshot; it matches up to { $match }, and { $next } comes next
fact-conf-changed = counts { $voters } as voters
fact-conf-changed-learners = counts { $voters } as voters and { $learners } as learners
fact-conf-changed-joint = is between two memberships: { $voters } and { $outgoing } decide together
fact-snapshot-sent = sends { $store } a snapshot up to { $index }
fact-snapshot-restored = takes a snapshot up to { $index } in place of its log
fact-compacted = drops its log up to { $index }, which a snapshot can replace
fact-transfer-started = hands the lead over to { $store } and takes no commands meanwhile
fact-transfer-deposed = leads no more; { $store } was asked to take over
fact-transfer-timed-out = keeps the lead: { $store } did not take over in time
fact-transfer-cancelled = keeps the lead: handing it over to { $store } was called off
fact-transfer-removed = keeps the lead: { $store } is no voter any more
fact-read-asked = takes in a read of { $store }, which must see { $index } or later
fact-read-confirmed-round = lets a read of { $store } go at { $index }: a quorum still follows
fact-read-confirmed-lease = lets a read of { $store } go at { $index }: its lease holds

# Log

log-title = Log
log-committed = committed
log-not-committed = not yet
log-match = match
log-next = next
log-before = before
log-empty = No store has told its log yet.
log-aria = Log entries { $first } to { $last } on each store
entry-normal = command
entry-no-op = empty entry of a new leader
entry-conf-change = membership change

# Inspector

inspector-label = Inspector
inspector-empty = Select a store to see inside.
inspector-peer = peer { $peer }
tab-store = Store
tab-raft = Raft
tab-log = Log
tab-storage = Storage
tab-data = Data
heading-store = Store
heading-region = Region
heading-hashes = Hashes
heading-peer = Peer state
heading-progress = Progress, as it sees it
heading-votes = Votes in term { $term }
heading-pre-votes = Who would vote for it in term { $term }
heading-disk = Disk
heading-rows = Rows on the disk
heading-data = Keys and values
field-life = state
field-incarnation = life
field-now = its clock
field-written = cycle written
field-durable = cycle durable
field-tick = tick
field-epoch = conf / version
field-peers = peers
field-state-hash = its memory
field-conductor-hash = conductor
field-run-hash = run
field-event = event
field-term = term
field-vote = vote
field-role = role
field-leader = leader
field-commit = commit
field-applied = applied
field-last = last
field-persisted = on disk
field-truncated = truncated
field-flushed = applied on disk
field-heartbeat = heartbeat
field-election = election
field-peer = peer
field-of-ticks = of { $ticks } ticks
field-on-disk = on disk
field-last-on-disk = log on disk
field-rows = rows
progress-self = self
progress-level = level
progress-behind = { $count } behind
progress-quorum = quorum { $quorum } of { $voters }
vote-self = self
vote-granted = granted
vote-refused = refused
vote-would-grant = would grant
vote-would-refuse = would refuse
vote-silent = no answer yet
votes-needed = needs { $quorum } of { $voters }
column-store = store
column-state = state
column-index = index
column-term = term
column-entry = entry
column-held = held by
column-key = key
column-meaning = meaning
column-bytes = bytes
column-value = value
log-truncated = Compacted up to { $index } of term { $term }.
rows-note = TinyKV byte keys
data-note = applied { $index }
data-empty = No keys yet.
data-more = The first { $shown } of { $all } pairs.

# Strip

strip-label = State of the run
strip-in-flight = in flight
strip-event = event
strip-segment = start { $segment }
strip-seed = seed
strip-hash = run
strip-hash-explained = Hash of the run so far:

# Small layout

panels-label = Panels
panel-inspect = Inspect

# Settings

settings-title = Settings
settings-live-explained = These take effect at once and are part of the recording.
settings-more = New cluster
settings-stores = Stores
settings-preset = Preset
settings-seed = Seed
settings-tick-ms = Raft tick
settings-heartbeat-ticks = Heartbeat every
settings-election-ticks = Election timeout, at least
settings-latency-ms-min = Latency, at least
settings-latency-ms-max = Latency, at most
settings-loss-permille = Messages lost
settings-duplicate-permille = Messages delivered twice
settings-reorder-permille = Messages held back
settings-disk-ms-min = Disk write, at least
settings-disk-ms-max = Disk write, at most
settings-client-timeout-ms = Client gives up after
unit-ticks = ticks
dialog-reset = Reset this cluster
dialog-confirm-reset = Wipe every disk and start anew
dialog-reset-explained = The disks of “{ $cluster }” are wiped. This cannot be undone.
dialog-other-name = name of another cluster
dialog-other = Open or create it

# Keys

shortcuts-title = Keys and this moment
describe-title = This moment in words
key-play = play or pause
key-step = deliver one event
key-speed = slower, faster
key-pick = select a store
key-kill = kill the selected store
key-start = start the selected store
key-isolate = cut the selected store off
key-wall = take or put away the wall
key-wall-side = with the wall: move a store to the far side
key-wall-build = with the wall: cut
key-heal = heal the network
key-help = this list
key-close = close, cancel, back to select
key-mouse = Double-click a store to kill or start it; right-click it for its menu.

# Bad weather

banner-memory = This browser won’t let the page keep data, so stores run in memory only.
banner-memory-more = Kill and start still work; closing the tab erases everything.
banner-retry = Try again
banner-save = Save disks to a file
gate-elsewhere = This cluster is open in another tab
gate-elsewhere-text = Its stores run there. You can take it over: the other tab’s stores end first, then they start here from the same disks.
gate-take-over = Take over
gate-taken-over = Another tab took this cluster over
gate-taken-over-text = No store runs here any more. Nothing is lost; the disks are with the other tab.
gate-take-back = Open it here again
gate-wrong-build = The page and its engine are different builds
gate-wrong-build-text = A newer version was published while this page was open. Reload to get both from the same build.
gate-reload = Reload
gate-died = The conductor stopped
gate-died-text = It owns time and the network, so the stores ended with it. The disks are untouched: after a restart the same cluster goes on.
gate-restart = Restart
gate-cannot-open = This cluster could not be opened
gate-cannot-open-text = Nothing on the disks was changed.
gate-new = New cluster
gate-bad-url = The address asks for something impossible
gate-bad-url-text = Nothing was started. Correct the address, or start with plain settings.
gate-plain = Start with plain settings
gate-no-worker = The engine did not start
gate-no-worker-text = The page needs web workers and WebAssembly. Inside a sandboxed frame the host must also allow cross-origin requests to this page’s files.
notice-disk-refused = The disk of { $store } refused a write and is asked again: { $reason }
notice-store-stopped = { $store } ended itself.
notice-refused = The conductor could not read a message of this page: { $reason }
notice-unreadable = A message of the conductor could not be read: { $reason }
notice-no-file = The file could not be made.

# Why something was not done

misuse-no-such-store = There is no { $store }.
misuse-not-running = { $store } is not running. Start it first.
misuse-already-running = { $store } is running already.
misuse-not-down = { $store } is running. Kill it first.
misuse-already-paused = { $store } is paused already.
misuse-not-paused = { $store } is not paused.
misuse-bad-rate = A clock runs at half to twice the true speed.
misuse-no-id-left = No id of a store is left.
misuse-bad-groups = A cut needs at least two groups that hold every store exactly once.
misuse-too-long = { $bytes } bytes are too long; the limit is { $limit }.
misuse-empty-key = A key needs at least one byte.
misuse-not-live = { $setting } takes effect in a new cluster only.
setting-error-unknown = There is no setting “{ $setting }”.
setting-error-not-a-number = { $setting }: “{ $text }” is not a whole number.
setting-error-no-such-choice = { $setting }: “{ $text }” is none of { $choices }.
setting-error-out-of-range = { $setting }: { $value } is outside of { $min } to { $max }.
setting-error-order = { $smaller } must not be above { $larger }.
setup-bad-cluster = “{ $text }” cannot name a cluster. Use 1 to 64 of a–z, 0–9 and -.
reply-not-leader = it does not lead the region and knows no leader
reply-not-leader-hint = it does not lead the region; { $store } does
reply-epoch-not-match = the region has changed its shape
reply-key-not-in-region = the key is not in { $region }
reply-region-not-found = { $region } is not on this store
reply-stale-command = another leader’s entry of term { $term } took its place; it has no effect
reply-busy-dirty-data = too much applied data waits for the disk
reply-busy-uncommitted = too many commands wait for their commit
reply-value-too-long = the value would be { $bytes } bytes long; the limit is { $limit }
stop-corrupt-row = A row of { $table } is corrupt: { $reason }
stop-inconsistent-disk = The disk of { $region } contradicts itself: { $reason }
stop-newer-disk = The disk has layout { $found }; this version knows layouts up to { $known }.
stop-foreign-disk = The disk belongs to { $found }, not to { $expected }.
stop-committed-overwritten = { $region }: entry { $index } of term { $term } would overwrite a committed one.
stop-panic = It panicked, which is a bug of ours: { $message }
query-no-such-store = There is no { $store }.
query-silent = { $store } does not answer now. This is what it last said.
query-disk = The disk cannot be read: { $reason }
open-newer = It was saved by a newer version: { $reason }
open-corrupt = What was saved of it cannot be read: { $reason }
open-browser = The browser refused: { $reason }
