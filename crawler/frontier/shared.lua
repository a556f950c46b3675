-- The steps of a shared frontier; each runs in Redis from beginning to end, and nobody sees it half done.
--
-- KEYS[1]  the crawl's base key, with its hash tag; every other key is this one with an ending
-- ARGV     the step, the worker, its lease in milliseconds, and what the step takes
--
--   known            set   identifiers of all that was ever added
--   entry            hash  identifier -> "score attempts host", while it waits, is taken, or is dead
--   content          hash  identifier -> key and ask, for as long
--   waiting:HOST     zset  identifier by score, what is sooner first
--   hosts            zset  host by the score of its first waiting entry
--   postponed        zset  identifier by when it is due, in the workers' seconds
--   leases           zset  worker by when its lease ends, in this server's milliseconds
--   held:WORKER      set   what it has taken
--   letters, graves  hash  identifier -> why it died; zset: identifiers, those that died first before the others
--   tally            hash  serial, deaths, done, left, extra
--   facts            hash  name -> value (read and written without this script)
--
-- A score is -priority * 2^38 + serial: exact in a double for priorities up to 10,000 and 2.7e11 entries.

local base, step, worker, lease_ms = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local AGE = 2 ^ 38
local PAGE = 256
local call = redis.call

local function key(name)
  return base .. ':' .. name
end

local KNOWN, ENTRY, CONTENT, HOSTS = key('known'), key('entry'), key('content'), key('hosts')
local POSTPONED, LEASES, LETTERS, GRAVES, TALLY =
  key('postponed'), key('leases'), key('letters'), key('graves'), key('tally')
local HELD = key('held:' .. worker)

local function written(number) -- Lua's own conversion rounds to 14 digits
  return string.format('%.0f', number)
end

local function entry_of(id)
  local line = call('HGET', ENTRY, id)
  if line then
    return string.match(line, '^(%S+) (%S+) (.*)$')
  end
end

local function write_entry(id, score, attempts, host)
  call('HSET', ENTRY, id, score .. ' ' .. attempts .. ' ' .. host)
end

local function forget(id)
  call('HDEL', ENTRY, id)
  call('HDEL', CONTENT, id)
end

local function reread(host)
  local first = call('ZRANGE', key('waiting:' .. host), 0, 0, 'WITHSCORES')
  if first[1] then
    call('ZADD', HOSTS, first[2], host)
  else
    call('ZREM', HOSTS, host)
  end
end

local function wait(id, score, host)
  call('ZADD', key('waiting:' .. host), score, id)
  call('ZADD', HOSTS, 'LT', score, host)
end

local function wait_again(id)
  local score, _, host = entry_of(id)
  if score then
    wait(id, score, host)
  end
end

local function stop_waiting(id)
  local score, _, host = entry_of(id)
  if not score then
    return false
  end
  if call('ZREM', key('waiting:' .. host), id) == 1 then
    reread(host)
    return true
  end
  return call('ZREM', POSTPONED, id) == 1
end

local function give_back(of)
  for _, id in ipairs(call('SMEMBERS', key('held:' .. of))) do
    wait_again(id)
  end
  call('DEL', key('held:' .. of))
  call('ZREM', LEASES, of)
end

local function keep_leases()
  local time = call('TIME')
  local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  call('ZADD', LEASES, written(now_ms + lease_ms), worker)
  for _, ended in ipairs(call('ZRANGEBYSCORE', LEASES, '-inf', written(now_ms))) do
    give_back(ended)
  end
end

local function counted(name)
  return tonumber(call('HGET', TALLY, name) or '0')
end

local function set_of(lines)
  local names = {}
  for name in string.gmatch(lines, '[^\n]+') do
    names[name] = true
  end
  return names
end

-- the first of a sorted set whose host is not to be avoided, with its score
local function first_allowed(sorted, avoided, host_of)
  local from = 0
  while true do
    local page = call('ZRANGE', sorted, from, from + PAGE - 1, 'WITHSCORES')
    for i = 1, #page, 2 do
      if not avoided[host_of(page[i])] then
        return page[i], page[i + 1]
      end
    end
    if #page < 2 * PAGE then
      return nil
    end
    from = from + PAGE
  end
end

local function itself(host)
  return host
end

local function host_of_entry(id)
  local _, _, host = entry_of(id)
  return host or ''
end

local function promote(now)
  for _, id in ipairs(call('ZRANGEBYSCORE', POSTPONED, '-inf', now)) do
    call('ZREM', POSTPONED, id)
    wait_again(id)
  end
end

local steps = {}

function steps.renew()
end

-- ARGV from 5: identifier, host, priority, attempts and content of each, and 1 where it is no page
function steps.add()
  local most, added, extras, serial = tonumber(ARGV[4]), 0, 0, counted('serial')
  local pages = call('SCARD', KNOWN) - counted('extra')
  for i = 5, #ARGV, 6 do
    local id, host, extra = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 5])
    if (extra == 1 or pages < most) and call('SADD', KNOWN, id) == 1 then
      added, extras, pages = added + 1, extras + extra, pages + 1 - extra
      local score = written(-tonumber(ARGV[i + 2]) * AGE + serial + added)
      write_entry(id, score, ARGV[i + 3], host)
      call('HSET', CONTENT, id, ARGV[i + 4])
      wait(id, score, host)
    end
  end
  if added > 0 then
    call('HINCRBY', TALLY, 'serial', added)
  end
  if extras > 0 then
    call('HINCRBY', TALLY, 'extra', extras)
  end
  return added
end

function steps.take()
  promote(ARGV[4])
  local host = first_allowed(HOSTS, set_of(ARGV[5]), itself)
  if not host then
    return false
  end
  local id = call('ZPOPMIN', key('waiting:' .. host))[1]
  reread(host)
  call('SADD', HELD, id)
  local _, attempts = entry_of(id)
  return {call('HGET', CONTENT, id), host, attempts}
end

function steps.finish()
  local id = ARGV[4]
  if call('SREM', HELD, id) == 1 or stop_waiting(id) then
    forget(id)
    call('HINCRBY', TALLY, 'done', 1)
  end
end

function steps.bury()
  local id, letter = ARGV[4], ARGV[5]
  if call('SREM', HELD, id) == 1 then
    call('HSET', LETTERS, id, letter)
    call('ZADD', GRAVES, call('HINCRBY', TALLY, 'deaths', 1), id)
  end
end

function steps.postpone()
  local id, until_then = ARGV[4], ARGV[5]
  if call('SISMEMBER', HELD, id) == 1 then
    call('ZADD', POSTPONED, until_then, id) -- before anything else: it refuses what is no time
    call('SREM', HELD, id)
    local score, attempts, host = entry_of(id)
    write_entry(id, score, written(tonumber(attempts) + 1), host)
  end
end

function steps.release()
  if call('SREM', HELD, ARGV[4]) == 1 then
    wait_again(ARGV[4])
  end
end

function steps.leave()
  local host, left = ARGV[4], call('ZRANGE', key('waiting:' .. ARGV[4]), 0, -1)
  call('DEL', key('waiting:' .. host))
  call('ZREM', HOSTS, host)
  for _, id in ipairs(call('ZRANGE', POSTPONED, 0, -1)) do
    if host_of_entry(id) == host then
      call('ZREM', POSTPONED, id)
      left[#left + 1] = id
    end
  end
  for _, id in ipairs(left) do
    forget(id)
  end
  call('HINCRBY', TALLY, 'left', #left)
  return #left
end

function steps.next_due()
  local avoided = set_of(ARGV[4])
  if first_allowed(HOSTS, avoided, itself) then
    return '0'
  end
  local _, due = first_allowed(POSTPONED, avoided, host_of_entry)
  return due or false
end

function steps.counts()
  local taken = 0
  for _, each in ipairs(call('ZRANGE', LEASES, 0, -1)) do
    taken = taken + call('SCARD', key('held:' .. each))
  end
  local done, left, dead = counted('done'), counted('left'), call('ZCARD', GRAVES)
  return {call('SCARD', KNOWN) - taken - done - dead - left, taken, done, dead, left, counted('extra')}
end

function steps.letters()
  local found = {}
  for _, id in ipairs(call('ZRANGE', GRAVES, ARGV[4], ARGV[5])) do
    local _, attempts, host = entry_of(id)
    found[#found + 1] = {call('HGET', CONTENT, id), host, attempts, call('HGET', LETTERS, id)}
  end
  return found
end

-- ARGV from 4: identifiers
function steps.replay()
  local replayed = 0
  for i = 4, #ARGV do
    local id = ARGV[i]
    if call('ZREM', GRAVES, id) == 1 then
      call('HDEL', LETTERS, id)
      local score, _, host = entry_of(id)
      write_entry(id, score, '0', host)
      wait(id, score, host)
      replayed = replayed + 1
    end
  end
  return replayed
end

-- ARGV from 4: what the worker knows that it holds; what else is in its name was taken in an answer that got lost
function steps.settle()
  local knows = {}
  for i = 4, #ARGV do
    knows[ARGV[i]] = true
  end
  for _, id in ipairs(call('SMEMBERS', HELD)) do
    if not knows[id] then
      call('SREM', HELD, id)
      wait_again(id)
    end
  end
end

-- hosts without waiting entries and workers without a lease have no keys of their own
function steps.clear()
  if call('ZCARD', LEASES) > 1 then
    return 0
  end
  for _, host in ipairs(call('ZRANGE', HOSTS, 0, -1)) do
    call('UNLINK', key('waiting:' .. host))
  end
  call('UNLINK', HELD, KNOWN, ENTRY, CONTENT, HOSTS, POSTPONED, LETTERS, GRAVES, TALLY, key('facts'))
  return 1
end

function steps.close()
  give_back(worker)
end

keep_leases()
return steps[step]()
