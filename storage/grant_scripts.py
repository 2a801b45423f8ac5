"""The Lua behind the grant store: each change of a grant, its code and its tokens is one step.

KEYS[1] is the grant, unless a script says otherwise; all keys of a grant share a hash slot.
"""

from typing import Final

from storage.clock import NOW

# Whatever ends a grant first is the reason; its tokens are looked up with the flag beside them.
REVOKE: Final = """#!lua flags=allow-oom
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HDEL', KEYS[1], 'answer')
return redis.call('HSETNX', KEYS[1], 'revoked', ARGV[1])
"""
# Kept as revoked for the rest of its life, so that whoever looks what became of it sees that it did not just run out.
REVOKE_ACCESS: Final = """#!lua flags=allow-oom
local access = redis.call('GET', KEYS[1])
if not access or access == ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
return 1
"""
ADD: Final = """
redis.call('HSET', KEYS[1], 'record', ARGV[1], 'upstream', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
return 1
"""
# Presenting a code uses it up before anything about it is checked; a second time revokes what it gave (RFC 6749 4.1.2).
TAKE: Final = """#!lua flags=allow-oom
local code = redis.call('GET', KEYS[2])
if code then
  redis.call('DEL', KEYS[2])
  redis.call('SET', KEYS[3], '1', 'PX', ARGV[1])
  return {code, redis.call('HGET', KEYS[1], 'record'), redis.call('HGET', KEYS[1], 'revoked')}
end
if redis.call('EXISTS', KEYS[3]) == 1 and redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HDEL', KEYS[1], 'answer')
  return redis.call('HSETNX', KEYS[1], 'revoked', 'its code was presented twice')
end
return false
"""
# Tokens of a grant that was revoked meanwhile are not issued.
ISSUE: Final = """
if redis.call('HEXISTS', KEYS[1], 'record') == 0 or redis.call('HEXISTS', KEYS[1], 'revoked') == 1 then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'refresh', ARGV[3]) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""
# Live: rotate. Just rotated and its successor unused: the same answer again. Used up long ago: somebody else has it.
ROTATE: Final = (
    NOW
    + """
local old, new, grace = ARGV[1], ARGV[2], tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'record', 'revoked', 'refresh', 'previous', 'rotated', 'answer')
if not kept[1] or kept[2] then return {'gone'} end
if kept[3] == old then
  redis.call('HSET', KEYS[1], 'refresh', new, 'previous', old, 'rotated', now, 'answer', ARGV[4])
  redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[6])
  redis.call('ZADD', KEYS[3], now, old)
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -1 - tonumber(ARGV[8]))
  redis.call('PEXPIRE', KEYS[3], ARGV[7])
  redis.call('PEXPIRE', KEYS[1], ARGV[7])
  return {'rotated'}
end
if kept[4] == old and now - tonumber(kept[5]) <= grace then return {'repeated', kept[6]} end
if not redis.call('ZSCORE', KEYS[3], old) then return {'gone'} end
redis.call('HDEL', KEYS[1], 'answer')
redis.call('HSET', KEYS[1], 'revoked', 'a used refresh token was presented again')
return {'reused'}
"""
)
# Only who still holds the lock may write: the provider's tokens of a slower one are older.
KEEP: Final = """
if redis.call('GET', KEYS[2]) ~= ARGV[2] or redis.call('HEXISTS', KEYS[1], 'revoked') == 1 then return 0 end
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'upstream', ARGV[1])
return 1
"""
UNLOCK: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
INDEX: Final = (
    NOW
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1
"""
)
