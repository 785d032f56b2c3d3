# Leader、Follower、Candidate、Learner、Region、Peer 保留英文，其余全部翻译。

brand-name = Raft Playground
brand-home = Raft Playground 首页
close = 关闭
nobody = 无

# 顶栏

cluster-label = 集群
preset-label = 预设
preset-tinykv = 与 TinyKV 相同：新 Leader 先写一条空日志，心跳是单独的消息。
preset-mit6824 = 与 MIT 6.824 相同：新 Leader 不写空日志，心跳是空的 Append。
preset-etcd = 与 etcd 相同：选举之前先询问，失去多数派的 Leader 会退位。
transport-label = 时间
transport-play = 播放
transport-pause = 暂停
transport-step = 投递一个事件
speed-label = 速度
clock-label = 时钟
clock-virtual = 集群的虚拟时间（秒）
clock-real = 真实
pace-asked = 设定
pace-reached = 实际
pace-explained = 虚拟时间的设定速度与实际速度
held-answer = 等待 { $store } 应答
held-disk = 等待 { $store } 的磁盘
held-load = 等待 { $store } 加载
live-running = 实时
live-paused = 已暂停
live-loading = 加载中
live-off = 已停止
language-label = 语言
theme-auto = 配色：跟随系统
theme-light = 配色：浅色
theme-dark = 配色：深色

# 舞台

stage-label = 舞台
stage-summary = 环上有 { $stores } 个节点，{ $down ->
    [0] 全部在线。
   *[other] 其中 { $down } 个不在线。
}
stage-leader = { $store } 是任期 { $term } 的 Leader。
stage-no-leader = 当前没有 Leader。
stage-cut = 网络被分割成 { $groups } 部分。
store-name = 节点 { $store }，{ $role }，任期 { $term }
region-all-keys = 所有键
region-voters = { $voters } 个投票者，多数派 { $quorum }
plate-last = 末条
plate-commit = 提交
plate-behind = 落后 { $count } 条
plate-writes = 写 { $rate } 次/秒
disks-memory = 仅内存
gauge-committed = 已提交
gauge-starting = 节点启动中
gauge-holders = 已落盘 { $holders }/{ $voters }
role-leader = Leader
role-follower = Follower
role-pre-candidate = Pre-Candidate
role-candidate = Candidate
life-starting = 启动中
life-up = 运行中
life-late = 迟到
life-killed = 已杀死
life-stopped = 已停止
message-append = Append
message-append-response = Append 应答
message-heartbeat = 心跳
message-heartbeat-response = 心跳应答
message-pre-vote = 预投票
message-pre-vote-response = 预投票应答
message-request-vote = 投票
message-request-vote-response = 投票应答
message-snapshot = 快照
message-timeout-now = 立即超时
message-transfer-leader = 转移 Leader
message-read-index = 读索引
message-read-index-response = 读索引应答
message-yes = 赞成
message-no = 反对
message-now = 立即
tools-label = 工具
tool-select = 选择
tool-wall = 建墙
tool-heal = 恢复网络
wall-hint = 点击节点，把它们移到墙的另一侧。
wall-apply = 切断
wall-cancel = 取消
island-name = 岛 { $letter }
fate-quorum = { $votes }/{ $voters } 票 · 有多数派
fate-no-quorum = { $votes }/{ $voters } 票 · 无多数派
fate-quorum-short = 有多数派
fate-no-quorum-short = 无多数派
fate-keeps-leader = { $votes }/{ $voters } 票 · { $store } 仍是 Leader

# 对节点的操作

action-kill = 杀死
action-start = 启动
action-isolate = 隔离
action-rows = 查看磁盘上的行
menu-is-down = 它已经停了
menu-is-up = 它正在运行
menu-no-wall = 现在没有墙
menu-not-open = 等待集群打开
menu-new-cluster = 新建集群
menu-download-recording = 下载录制
menu-download-disks = 下载磁盘

# 客户端

dock-label = 客户端、事件与日志
client-title = 客户端
client-sub = 每个命令都经过日志
client-key-hint = 键
client-value-hint = 值
client-end-hint = 终点
client-limit-hint = 上限
client-put = 写入
client-get = 读取
client-delete = 删除
client-scan = 扫描
client-via = 询问哪个节点：自动寻找 Leader，或只问一个节点
client-via-leader = 找 Leader
client-via-store = 只问 { $store }
operations-label = 操作，最新的在前
operations-empty = 还没有操作。先写入一个键，再读回来。
operation-open = 等待中
operation-done = 完成
operation-failed = 失败
operation-unknown = 未知
operation-never-sent = 未送达
operation-nothing-there = 没有这个键
operation-unknown-explained = 可能执行了，也可能没有；迟到的应答仍会给出结果
operation-never-sent-explained = 没有节点接受它；它不会生效
operation-looks-for-leader = 正在寻找 Leader
operation-asked = 询问了 { $store }
operation-asked-often = 询问了 { $store }，共发送 { $times } 次

# 事件

feed-title = 事件
feed-empty = 还没有事件。
feed-you = 你
feed-skipped = 另有 { $count } 条事实未显示
deed-kill = 杀死了 { $store }
deed-start = 启动了 { $store }
deed-cut = 切断网络：{ $groups }
deed-heal = 恢复了网络
deed-submit = 请求 { $command }
deed-set = 把 { $setting } 设为 { $value }
deed-block = 阻断了 { $ways }
deed-unblock = 放行了所有被阻断的方向
deed-transfer = 请 { $store } 把 Leader 转移给 { $peer }
deed-change-peers = 请 { $store } 变更成员
deed-compact = 请 { $store } 压缩日志，保留 { $keep } 条已应用的日志
deed-campaign = 请 { $store } 发起选举
deed-forget-leader = 请 { $store } 忘记它的 Leader
fact-started = 第 { $life } 次启动：任期 { $term }，磁盘上有 { $entries } 条日志
fact-applied = 应用到 { $index }
fact-flushed = 已应用的数据落盘到 { $index }
fact-proposed = 把命令写入日志 { $index }
fact-timer-reset = 重置选举计时器
fact-timer-stopped = 停止选举计时器
fact-term-changed = 进入任期 { $term }
fact-leads = 成为任期 { $term } 的 Leader
fact-campaigns = 没有听到 Leader，在任期 { $term } 发起选举
fact-campaigns-asked = 受请求在任期 { $term } 发起选举
fact-campaigns-pre-vote-won = 预投票通过，在任期 { $term } 发起选举
fact-campaigns-transfer = 受 Leader 请求接任，在任期 { $term } 发起选举
fact-asks-first = 没有听到 Leader，先询问谁会投票给它；任期仍是 { $term }
fact-asks-first-asked = 受请求发起选举，先询问谁会投票给它；任期仍是 { $term }
fact-follows = 在任期 { $term } 跟随 { $leader }
fact-follows-nobody = 在任期 { $term } 还没有 Leader
fact-follows-higher-term = 遇到任期 { $term }，退为 Follower
fact-follows-start = 以 Follower 身份启动，任期 { $term }
fact-follows-lost = 被多数派拒绝，在任期 { $term } 退为 Follower
fact-follows-change-learned = 在任期 { $term } 停止拉票：已有更新的成员变更提交
fact-follows-quorum-lost = 听不到多数派，放弃任期 { $term } 的 Leader
fact-follows-removed = 不再是投票者，放弃任期 { $term } 的 Leader
fact-follows-forgotten = 受请求忘记任期 { $term } 的 Leader
fact-vote-granted = 在任期 { $term } 投票给 { $candidate }
fact-vote-already = 拒绝 { $candidate }：任期 { $term } 的票已投给 { $other }
fact-vote-has-leader = 拒绝 { $candidate }：{ $other } 是任期 { $term } 的 Leader
fact-vote-log-behind = 在任期 { $term } 拒绝 { $candidate }：对方日志止于 { $theirs }，自己的止于 { $own }
fact-vote-stale-term = 拒绝 { $candidate }：任期 { $term } 已经过去
fact-vote-leader-lives = 不回应 { $candidate }：仍能听到 Leader { $other }
fact-vote-just-started = 不回应 { $candidate }：刚刚启动，可能仍对某个 Leader 有承诺
fact-pre-vote-granted = 在任期 { $term } 会投票给 { $candidate }
fact-pre-vote-already = 会拒绝 { $candidate }：任期 { $term } 的票已投给 { $other }
fact-pre-vote-has-leader = 会拒绝 { $candidate }：{ $other } 是任期 { $term } 的 Leader
fact-pre-vote-log-behind = 在任期 { $term } 会拒绝 { $candidate }：对方日志止于 { $theirs }，自己的止于 { $own }
fact-pre-vote-stale-term = 会拒绝 { $candidate }：任期 { $term } 已经过去
fact-vote-counted-yes = 收到 { $voter } 的赞成票：{ $yes }/{ $needed }
fact-vote-counted-no = 收到 { $voter } 的反对票
fact-pre-vote-counted-yes = 得知 { $voter } 会投赞成票：{ $yes }/{ $needed }
fact-pre-vote-counted-no = 得知 { $voter } 会投反对票
fact-appended = 追加 { $range }
fact-truncated = 丢弃从 { $index } 起的日志
fact-durable = 日志落盘到 { $index }
fact-committed-quorum = 提交 { $index }：多数派已持有
fact-committed-leader = 得知 { $index } 已提交
fact-committed-vote = 在选举中从 { $store } 得知 { $index } 已提交
fact-committed-restart = 重启前已知提交到 { $index }
fact-progressed = 得知 { $store } 匹配到 { $match }，下一条发 { $next }
fact-progressed-probe = 探查 { $store } 的匹配位置：已确定 { $match }，下一次试 { $next }
fact-progressed-snapshot = 等待 { $store } 安装快照：匹配到 { $match }，之后发 { $next }
fact-conf-changed = 投票者为 { $voters }
fact-conf-changed-learners = 投票者为 { $voters }，Learner 为 { $learners }
fact-conf-changed-joint = 处于两组成员之间：{ $voters } 与 { $outgoing } 共同决定
fact-snapshot-sent = 向 { $store } 发送截至 { $index } 的快照
fact-snapshot-restored = 用截至 { $index } 的快照取代日志
fact-compacted = 丢弃截至 { $index } 的日志，快照可以取代它
fact-transfer-started = 把 Leader 转移给 { $store }，期间不接受命令
fact-transfer-deposed = 不再是 Leader；已请 { $store } 接任
fact-transfer-timed-out = 仍是 Leader：{ $store } 没有及时接任
fact-transfer-cancelled = 仍是 Leader：向 { $store } 的转移已取消
fact-transfer-removed = 仍是 Leader：{ $store } 不再是投票者
fact-read-asked = 收到 { $store } 的读请求，须看到 { $index } 或更新
fact-read-confirmed-round = 放行 { $store } 在 { $index } 的读：多数派仍在跟随
fact-read-confirmed-lease = 放行 { $store } 在 { $index } 的读：租约有效

# 日志

log-title = 日志
log-committed = 已提交
log-not-committed = 未提交
log-match = match
log-next = next
log-before = 之前
log-empty = 还没有节点报告日志。
log-aria = 各节点的日志 { $first } 到 { $last }
entry-normal = 命令
entry-no-op = 新 Leader 的空日志
entry-conf-change = 成员变更

# 检查器

inspector-label = 检查器
inspector-empty = 选择一个节点，查看它的内部。
inspector-peer = peer { $peer }
tab-store = 节点
tab-raft = Raft
tab-log = 日志
tab-storage = 存储
tab-data = 数据
heading-store = 节点
heading-region = Region
heading-hashes = 哈希
heading-peer = Peer 状态
heading-progress = 复制进度（它的视角）
heading-votes = 任期 { $term } 的选票
heading-pre-votes = 任期 { $term } 的预投票
heading-disk = 磁盘
heading-rows = 磁盘上的行
heading-data = 键与值
field-life = 状态
field-incarnation = 第几次启动
field-now = 自己的时钟
field-written = 已写批次
field-durable = 落盘批次
field-tick = 时钟节拍
field-epoch = conf / version
field-peers = peer 数
field-state-hash = 它的内存
field-conductor-hash = 指挥者
field-run-hash = 运行
field-event = 事件
field-term = 任期
field-vote = 投票给
field-role = 角色
field-leader = Leader
field-commit = 已提交
field-applied = 已应用
field-last = 末条
field-persisted = 已落盘
field-truncated = 截断于
field-flushed = 应用已落盘
field-heartbeat = 心跳
field-election = 选举
field-peer = peer
field-of-ticks = / { $ticks } 节拍
field-on-disk = 已落盘
field-last-on-disk = 日志已落盘
field-rows = 行数
progress-self = 自己
progress-level = 已追平
progress-behind = 落后 { $count } 条
progress-quorum = 多数派 { $quorum }/{ $voters }
vote-self = 自己
vote-granted = 赞成
vote-refused = 反对
vote-would-grant = 会赞成
vote-would-refuse = 会反对
vote-silent = 尚无应答
votes-needed = 需要 { $quorum }/{ $voters }
column-store = 节点
column-state = 状态
column-index = 序号
column-term = 任期
column-entry = 内容
column-held = 持有
column-key = 键
column-meaning = 含义
column-bytes = 字节
column-value = 值
log-truncated = 已压缩到 { $index }，任期 { $term }。
rows-note = TinyKV 字节键
data-note = 已应用 { $index }
data-empty = 还没有键。
data-more = 共 { $all } 对，显示前 { $shown } 对。

# 状态条

strip-label = 运行状态
strip-in-flight = 在途
strip-event = 事件
strip-segment = 第 { $segment } 次打开
strip-seed = 种子
strip-hash = 运行
strip-hash-explained = 至今运行的哈希：

# 窄屏

panels-label = 面板
panel-inspect = 检查

# 设置

settings-title = 设置
settings-live-explained = 这些设置立即生效，并计入录制。
settings-more = 新建集群
settings-stores = 节点数
settings-preset = 预设
settings-seed = 种子
settings-tick-ms = Raft 节拍
settings-heartbeat-ticks = 心跳间隔
settings-election-ticks = 选举超时下限
settings-latency-ms-min = 延迟下限
settings-latency-ms-max = 延迟上限
settings-loss-permille = 丢失的消息
settings-duplicate-permille = 重复投递的消息
settings-reorder-permille = 被扣留的消息
settings-disk-ms-min = 写盘下限
settings-disk-ms-max = 写盘上限
settings-client-timeout-ms = 客户端超时
unit-ticks = 节拍
dialog-reset = 重置此集群
dialog-confirm-reset = 清空所有磁盘并重新开始
dialog-reset-explained = “{ $cluster }”的磁盘将被清空，无法撤销。
dialog-other-name = 另一个集群的名字
dialog-other = 打开或新建

# 按键

shortcuts-title = 按键与此刻
describe-title = 用文字描述此刻
key-play = 播放或暂停
key-step = 投递一个事件
key-speed = 减速、加速
key-pick = 选择节点
key-kill = 杀死所选节点
key-start = 启动所选节点
key-isolate = 隔离所选节点
key-wall = 拿起或放下墙
key-wall-side = 建墙时：把节点移到另一侧
key-wall-build = 建墙时：切断
key-heal = 恢复网络
key-help = 此列表
key-close = 关闭、取消、回到选择
key-mouse = 双击节点可杀死或启动它；右键打开它的菜单。

# 意外情况

banner-memory = 浏览器不允许本页保存数据，节点只在内存中运行。
banner-memory-more = 杀死与启动仍然可用；关闭标签页会清除一切。
banner-retry = 重试
banner-save = 把磁盘存为文件
gate-elsewhere = 此集群已在另一个标签页中打开
gate-elsewhere-text = 它的节点在那里运行。你可以接管：先结束那边的节点，再用同样的磁盘在这里启动。
gate-take-over = 接管
gate-taken-over = 此集群已被另一个标签页接管
gate-taken-over-text = 这里不再运行任何节点。没有丢失任何东西，磁盘由那个标签页使用。
gate-take-back = 在这里重新打开
gate-wrong-build = 页面与引擎的版本不一致
gate-wrong-build-text = 页面打开期间发布了新版本。请重新加载，使两者一致。
gate-reload = 重新加载
gate-died = 指挥者停止了
gate-died-text = 它掌管时间与网络，节点随它一起结束。磁盘完好：重启后同一个集群会继续运行。
gate-restart = 重启
gate-cannot-open = 无法打开此集群
gate-cannot-open-text = 磁盘上的内容没有改动。
gate-new = 新建集群
gate-bad-url = 网址中的要求无法满足
gate-bad-url-text = 什么都没有启动。请改正网址，或使用默认设置。
gate-plain = 使用默认设置
gate-no-worker = 引擎没有启动
gate-no-worker-text = 本页需要 Web Worker 和 WebAssembly。在沙箱框架中，主机还必须允许跨域请求本页的文件。
notice-disk-refused = { $store } 的磁盘拒绝了一次写入，正在重试：{ $reason }
notice-store-stopped = { $store } 自行停止。
notice-refused = 指挥者无法读取本页的消息：{ $reason }
notice-unreadable = 无法读取指挥者的消息：{ $reason }
notice-no-file = 无法生成文件。

# 未执行的原因

misuse-no-such-store = 没有 { $store }。
misuse-not-running = { $store } 没有运行，请先启动它。
misuse-already-running = { $store } 已在运行。
misuse-bad-groups = 分割至少需要两组，且每个节点恰好属于一组。
misuse-too-long = { $bytes } 字节太长，上限是 { $limit }。
misuse-empty-key = 键至少需要一个字节。
misuse-not-live = { $setting } 只在新集群中生效。
setting-error-unknown = 没有设置项“{ $setting }”。
setting-error-not-a-number = { $setting }：“{ $text }”不是整数。
setting-error-no-such-choice = { $setting }：“{ $text }”不在 { $choices } 之中。
setting-error-out-of-range = { $setting }：{ $value } 不在 { $min } 到 { $max } 之间。
setting-error-order = { $smaller } 不能大于 { $larger }。
setup-bad-cluster = “{ $text }”不能作为集群名。请用 1 到 64 个 a–z、0–9 和 -。
reply-not-leader = 它不是 Leader，也不知道谁是
reply-not-leader-hint = 它不是 Leader，{ $store } 才是
reply-epoch-not-match = Region 的形状已改变
reply-key-not-in-region = 键不在 { $region } 中
reply-region-not-found = 此节点上没有 { $region }
reply-stale-command = 任期 { $term } 的另一条日志占了它的位置；它不会生效
reply-busy-dirty-data = 等待落盘的数据太多
reply-busy-uncommitted = 等待提交的命令太多
stop-corrupt-row = { $table } 的一行已损坏：{ $reason }
stop-inconsistent-disk = { $region } 的磁盘内容自相矛盾：{ $reason }
stop-newer-disk = 磁盘布局为 { $found }，此版本只认识到 { $known }。
stop-foreign-disk = 磁盘属于 { $found }，不属于 { $expected }。
stop-committed-overwritten = { $region }：任期 { $term } 的日志 { $index } 会覆盖已提交的日志。
stop-panic = 它崩溃了，这是我们的缺陷：{ $message }
query-no-such-store = 没有 { $store }。
query-silent = { $store } 现在没有应答，以下是它最后报告的内容。
query-disk = 无法读取磁盘：{ $reason }
open-newer = 它由更新的版本保存：{ $reason }
open-corrupt = 保存的内容无法读取：{ $reason }
open-browser = 浏览器拒绝了：{ $reason }
