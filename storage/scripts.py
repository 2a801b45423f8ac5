"""The Lua behind the task store. Each script is one atomic step; the clock is Redis's own (`TIME`).

A task's hash has the fields: record, digest, arguments, status, attempt, released, progress, batch, cancel, worker,
token, lease, checkpoint, updated, resends; `q:<key>` and `a:<key>` are questions and their answers. KEYS are always
record, log, deadlines: one hash slot.
"""

from typing import Final

from storage.clock import NOW
from storage.states import lua_table

LOG_LENGTH: Final = 10_000
"""Events a log keeps; a tool that makes more loses its oldest, never its ending."""
ACTIVE_MARGIN_MS: Final = 86_400_000
"""How long a task that never ended stays readable beyond its time limit."""

_PRELUDE: Final = (
    lua_table()
    + NOW
    + f"""
local record, log, deadlines = KEYS[1], KEYS[2], KEYS[3]
local function ended(status) return next(allowed[status]) == nil end
local function add(payload)
  local id = redis.call('XADD', log, 'MAXLEN', '~', {LOG_LENGTH}, '*', 'e', payload)
  redis.call('PUBLISH', log, id .. ' ' .. payload)
end
local function due(at)
  redis.call('ZADD', deadlines, at, ARGV[1])
  redis.call('PEXPIRE', deadlines, 691200000)
end
local function move(status, payload)
  local from = redis.call('HGET', record, 'status')
  if not (from and allowed[from][status]) then return false end
  redis.call('HSET', record, 'status', status, 'updated', now)
  add(payload)
  return true
end
local function finish(status, payload, ttl)
  if not move(status, payload) then return 0 end
  redis.call('HDEL', record, 'lease', 'checkpoint', 'arguments')
  for _, field in ipairs(redis.call('HKEYS', record)) do
    if string.find(field, '^[qa]:') then redis.call('HDEL', record, field) end
  end
  redis.call('ZREM', deadlines, ARGV[1])
  redis.call('PEXPIRE', record, ttl)
  redis.call('PEXPIRE', log, ttl)
  return 1
end
local function open_questions()
  local open = 0
  for _, field in ipairs(redis.call('HKEYS', record)) do
    if string.sub(field, 1, 2) == 'q:' and redis.call('HEXISTS', record, 'a:' .. string.sub(field, 3)) == 0 then
      open = open + 1
    end
  end
  return open
end
local function holds(attempt)
  local state = redis.call('HMGET', record, 'status', 'attempt')
  return state[1] and state[2] == attempt and (state[1] == 'working' or state[1] == 'input_required')
end
"""
)

_EVEN_WHEN_FULL: Final = "#!lua flags=allow-oom\n" + _PRELUDE
"""For what brings accepted work to its end: a Redis that takes no more must not keep it from that."""

# Accepting is all or nothing: record, first event and deadline. Sent again after a lost answer, it changes nothing.
ACCEPT: Final = (
    _PRELUDE
    + """
local record_json, arguments, payload, lifetime, grace, digest = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local known = redis.call('HGET', record, 'digest')
if known then return known == digest and 1 or 0 end
redis.call('HSET', record, 'record', record_json, 'digest', digest, 'arguments', arguments, 'status', 'queued',
  'attempt', 0, 'progress', '-1', 'updated', now)
redis.call('PEXPIRE', record, lifetime)
add(payload)
redis.call('PEXPIRE', log, lifetime)
due(now + grace)
return 1
"""
)

# One worker gets the task, and only while nobody holds its lease: a duplicate delivery finds nothing to do. The
# token makes the claim repeatable after a lost answer.
CLAIM: Final = (
    _EVEN_WHEN_FULL
    + """
local worker, lease, payload, most, token = ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5]), ARGV[6]
local function claimed(attempt)
  return {attempt, redis.call('HGET', record, 'arguments'), redis.call('HGET', record, 'progress'),
    redis.call('HGET', record, 'checkpoint')}
end
local state = redis.call('HMGET', record, 'status', 'attempt', 'lease', 'cancel', 'released')
local status, attempt = state[1], tonumber(state[2] or 0)
if not status or ended(status) or state[4] then return false end
if status ~= 'queued' and tonumber(state[3] or 0) > now then
  return redis.call('HGET', record, 'token') == token and claimed(attempt)
end
if attempt - tonumber(state[5] or 0) >= most then return false end
attempt = attempt + 1
redis.call('HSET', record, 'attempt', attempt, 'worker', worker, 'lease', now + lease, 'status', 'working',
  'updated', now, 'token', token, 'batch', 0)
redis.call('HDEL', record, 'resends')
add(payload)
due(now + lease)
return claimed(attempt)
"""
)

# Only the holder of the lease may extend it; the answer carries a wish to cancel.
BEAT: Final = (
    _EVEN_WHEN_FULL
    + """
if not holds(ARGV[2]) then return 'lost' end
redis.call('HSET', record, 'lease', now + ARGV[3])
due(now + ARGV[3])
if redis.call('HGET', record, 'cancel') then return 'cancel' end
return 'held'
"""
)

# A stale writer is refused as a whole. Progress that does not grow is dropped, so no attempt ever shows a step back.
# A batch sent again after a lost answer is known by its number and not added twice.
APPEND: Final = (
    _EVEN_WHEN_FULL
    + """
if not holds(ARGV[2]) then return 'lost' end
local batch = tonumber(ARGV[3])
if batch <= tonumber(redis.call('HGET', record, 'batch') or 0) then return 'held' end
redis.call('HSET', record, 'batch', batch)
local highest = tonumber(redis.call('HGET', record, 'progress') or '-1')
for i = 4, #ARGV, 2 do
  local progress = tonumber(ARGV[i])
  if not progress then
    add(ARGV[i + 1])
  elseif progress > highest then
    highest = progress
    redis.call('HSET', record, 'progress', ARGV[i], 'updated', now)
    add(ARGV[i + 1])
  end
end
if redis.call('HGET', record, 'cancel') then return 'cancel' end
return 'held'
"""
)

# What a later attempt may continue from; a stale attempt cannot overwrite it.
CHECKPOINT: Final = (
    _EVEN_WHEN_FULL
    + """
if not holds(ARGV[2]) then return 'lost' end
redis.call('HSET', record, 'checkpoint', ARGV[3])
return 'held'
"""
)

# The first final status wins, so a late worker cannot undo a cancellation.
FINISH: Final = (
    _EVEN_WHEN_FULL
    + """
if not holds(ARGV[2]) then return 0 end
return finish(ARGV[3], ARGV[4], ARGV[5])
"""
)

# A queued task ends at once. A running one is told to stop; whoever holds or reaps it writes the ending.
CANCEL: Final = (
    _EVEN_WHEN_FULL
    + """
local status = redis.call('HGET', record, 'status')
if not status then return 'gone' end
if ended(status) then return status end
if status == 'queued' then
  finish('cancelled', ARGV[2], ARGV[3])
  return 'ended'
end
redis.call('HSET', record, 'cancel', '1')
redis.call('PUBLISH', ARGV[4], ARGV[1])
return status
"""
)

# A question is put once, however many attempts come to it; an answer that is there already is not asked for again.
ASK: Final = (
    _PRELUDE
    + """
if not holds(ARGV[2]) then return 'lost' end
if redis.call('HGET', record, 'cancel') then return 'cancel' end
for i = 3, #ARGV, 3 do
  if redis.call('HSETNX', record, 'q:' .. ARGV[i], ARGV[i + 1]) == 1 then add(ARGV[i + 2]) end
end
if open_questions() > 0 then redis.call('HSET', record, 'status', 'input_required', 'updated', now) end
return 'held'
"""
)

# The first answer counts, and only one to a question that is open.
ANSWER: Final = (
    _EVEN_WHEN_FULL
    + """
local key, answer, working, channel = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local status = redis.call('HGET', record, 'status')
if not status or ended(status) or redis.call('HEXISTS', record, 'q:' .. key) == 0 then return 0 end
if redis.call('HSETNX', record, 'a:' .. key, answer) == 0 then return 0 end
if status == 'input_required' and open_questions() == 0 then move('working', working) end
redis.call('PUBLISH', channel, ARGV[1])
return 1
"""
)

# A question nobody answered in time is taken back, unless the answer came just now.
WITHDRAW: Final = (
    _EVEN_WHEN_FULL
    + """
if not holds(ARGV[2]) then return 'lost' end
for i = 4, #ARGV, 2 do
  if redis.call('HEXISTS', record, 'a:' .. ARGV[i]) == 0 and redis.call('HDEL', record, 'q:' .. ARGV[i]) == 1 then
    add(ARGV[i + 1])
  end
end
if redis.call('HGET', record, 'status') == 'input_required' and open_questions() == 0 then move('working', ARGV[3]) end
return 'held'
"""
)

# A worker that is asked to stop hands its task back; the reaper sends it again at once.
RELEASE: Final = (
    _EVEN_WHEN_FULL
    + """
if not holds(ARGV[2]) then return 0 end
if redis.call('HGET', record, 'cancel') then return 0 end
move('queued', ARGV[3])
redis.call('HDEL', record, 'lease')
redis.call('HINCRBY', record, 'released', 1)
due(now)
return 1
"""
)

# Run anywhere, by anyone, at any time: it acts only on a task that is due by Redis's own clock.
REAP: Final = (
    _EVEN_WHEN_FULL
    + """
local most, rerun, grace, ttl = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5]
local queued, cancelled, failed, interrupted, untaken = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local state = redis.call('HMGET', record, 'status', 'attempt', 'lease', 'cancel', 'released')
local status, lease = state[1], tonumber(state[3] or 0)
local attempt = tonumber(state[2] or 0) - tonumber(state[5] or 0)
if not status or ended(status) then
  redis.call('ZREM', deadlines, ARGV[1])
  return 'none'
end
local at = tonumber(redis.call('ZSCORE', deadlines, ARGV[1]) or 0)
if at > now then return 'none' end
local taken = false
if status ~= 'queued' then
  if lease > now then
    due(lease)
    return 'none'
  end
  if state[4] then
    finish('cancelled', cancelled, ttl)
    return 'cancelled'
  end
  if rerun ~= '1' then
    finish('interrupted', interrupted, ttl)
    return 'interrupted'
  end
  if attempt >= most then
    finish('failed', failed, ttl)
    return 'failed'
  end
  move('queued', queued)
  taken = true
elseif now - tonumber(redis.call('HGET', record, 'updated')) > tonumber(ARGV[11]) then
  finish('failed', untaken, ttl)
  return 'untaken'
end
local resends = redis.call('HINCRBY', record, 'resends', 1)
due(now + math.min(grace * 2 ^ math.min(resends - 1, 6), 60000))
return taken and 'taken' or 'send'
"""
)

# A task that cannot be looked at waits, and nothing else of it changes.
POSTPONE: Final = _EVEN_WHEN_FULL + "due(now + ARGV[2])\nreturn 1\n"
