#!/bin/sh
# Reports START and END of an instrument PC to recordsmith; keeps them while it is off line. Needs a POSIX shell and curl.
# What it does, and how it is set up: docs/instrument-pc.md.
set -u
LC_ALL=C
export LC_ALL
umask 077

EXIT_USAGE=64 EXIT_REFUSED=65 EXIT_LATER=75 EXIT_RIGHTS=77 EXIT_CONFIGURATION=78

usage() {
  cat <<'TEXT'
Usage: recordsmith-client.sh start [--user NAME] [--session ID] [--note TEXT]
       recordsmith-client.sh end [--session ID] [--user NAME] [--note TEXT]
       recordsmith-client.sh flush [--now]
       recordsmith-client.sh status

start, end  put the event into the queue and send what is there
flush       send what is in the queue, unless the server was just away; --now: in any case
status      what is in the queue, and whether a session is open here

Settings, as environment variables or options:
  RS_URL         --url URL            such as https://recordsmith.example.org
  RS_INSTRUMENT  --instrument PID     key of the instrument
  RS_TOKEN_FILE  --token-file FILE    file with the token (scope ingest), readable by this account only
  RS_QUEUE       --queue FOLDER       where events wait (default: ~/.recordsmith-client)
  RS_CA_FILE     --ca-file FILE       certificates to trust besides those of the system

Exit codes: 0 all sent; 64 wrong usage; 65 an event was refused (it is in the folder `refused`); 75 it waits in the queue;
77 the token was refused; 78 a setting is missing or the address is wrong.
TEXT
}

say() { printf '%s\n' "$*"; }
tell() { printf 'recordsmith-client: %s\n' "$*" >&2; }
fail() {
  code=$1
  shift
  tell "$*"
  exit "$code"
}

# --- settings -------------------------------------------------------------------------------------------------------------

url=${RS_URL:-}
instrument=${RS_INSTRUMENT:-}
token_file=${RS_TOKEN_FILE:-}
queue=${RS_QUEUE:-${HOME:-.}/.recordsmith-client}
ca_file=${RS_CA_FILE:-}
user= session= note= force=no

command=${1:-}
[ $# -gt 0 ] && shift
case $command in
  start | end | flush | status) ;;
  help | --help | -h) usage && exit 0 ;;
  *) usage >&2 && exit "$EXIT_USAGE" ;;
esac
while [ $# -gt 0 ]; do
  case $1 in
    --now) force=yes && shift && continue ;;
    --help | -h) usage && exit 0 ;;
    --url | --instrument | --token-file | --queue | --ca-file | --user | --session | --note)
      [ $# -ge 2 ] || fail "$EXIT_USAGE" "$1 needs a value"
      ;;
    *) fail "$EXIT_USAGE" "unknown option $1; see --help" ;;
  esac
  case $1 in
    --url) url=$2 ;;
    --instrument) instrument=$2 ;;
    --token-file) token_file=$2 ;;
    --queue) queue=$2 ;;
    --ca-file) ca_file=$2 ;;
    --user) user=$2 ;;
    --session) session=$2 ;;
    --note) note=$2 ;;
  esac
  shift 2
done

waiting="$queue/waiting"
refused="$queue/refused"
mkdir -p "$waiting" "$refused" || fail "$EXIT_CONFIGURATION" "the folder $queue cannot be made"

# --- small things ---------------------------------------------------------------------------------------------------------

# Text as the inside of a JSON string. What is no UTF-8 is taken for Latin-1, as old systems write it.
json_text() {
  if command -v iconv >/dev/null 2>&1 &&
    ! printf '%s' "$1" | iconv -f UTF-8 -t UTF-8 >/dev/null 2>&1; then
    printf '%s' "$1" | iconv -f ISO-8859-1 -t UTF-8
  else
    printf '%s' "$1"
  fi | tr '\n\r\t' '   ' | tr -d '\000-\037\177' | sed 's/[\\"]/\\&/g'
}

# A member of the JSON object, where there is a value.
json_member() { [ -z "$2" ] || printf ',"%s":"%s"' "$1" "$(json_text "$2")"; }

# What the clock shows, with its offset from UTC; with milliseconds where date knows them: a file of the last second before END
# belongs to the session.
now_text() {
  local_text=$(date +%Y-%m-%dT%H:%M:%S.%3N%z 2>/dev/null)
  case $local_text in
    *[0-9].[0-9][0-9][0-9][+-][0-9][0-9][0-9][0-9]) ;;
    *) local_text=$(date +%Y-%m-%dT%H:%M:%S%z) ;;
  esac
  case $local_text in
    *[+-][0-9][0-9][0-9][0-9]) printf '%s' "$local_text" ;;
    *) date -u +%Y-%m-%dT%H:%M:%SZ ;;
  esac
}

now_seconds() { date +%s; }
random_hex() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
content_of() { [ ! -f "$1" ] || cat "$1"; }
# A text into a file, at once or not at all.
keep() { printf '%s' "$2" >"$1.$$" && mv "$1.$$" "$1"; }
number_in() {
  number=$(content_of "$1")
  case $number in '' | *[!0-9]*) number=0 ;; esac
  printf '%s' "$number"
}
first_waiting() {
  for file in "$waiting"/*.json; do
    [ -f "$file" ] && printf '%s' "$file"
    return 0
  done
}
count_in() {
  count=0
  for file in "$1"/*.json; do [ -f "$file" ] && count=$((count + 1)); done
  printf '%s' "$count"
}

# --- locks: a file with the number of the process that made it ------------------------------------------------------------

held=
release() {
  for lock in $held; do rm -f "$queue/$lock.lock"; done
  held=
  rm -f "$queue/.body.$$" "$queue/.answer.$$" "$queue/.headers.$$" "$queue/.fault.$$" "$queue/.owner.$$"
}
trap release EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

me=${0##*/}
# Whether the process that made a lock still runs: not after a crash, and not when another program got its number since.
is_held() {
  owner=$(content_of "$queue/$1.lock")
  case $owner in '' | *[!0-9]*) return 1 ;; esac
  if ps -ww -p "$$" -o args= >/dev/null 2>&1; then
    ps -ww -p "$owner" -o args= 2>/dev/null | grep -q -F -e "$me"
  else
    kill -0 "$owner" 2>/dev/null
  fi
}
# take NAME SECONDS: waits that long for the lock.
take() {
  tries=0
  printf '%s' "$$" >"$queue/.owner.$$" || return 1
  # A link appears with its content, or fails where there is one.
  while ! ln "$queue/.owner.$$" "$queue/$1.lock" 2>/dev/null; do
    # One at a time, looking again: a lock that somebody else broke and took is not ours to break.
    if ! is_held "$1" && mkdir "$queue/$1.broken" 2>/dev/null; then
      is_held "$1" || rm -f "$queue/$1.lock"
      rmdir "$queue/$1.broken"
      continue
    fi
    [ "$tries" -lt "$2" ] || return 1
    tries=$((tries + 1))
    sleep 1
  done
  rm -f "$queue/.owner.$$"
  held="$held $1"
}
give_back() {
  rm -f "$queue/$1.lock"
  still=
  for lock in $held; do [ "$lock" = "$1" ] || still="$still $lock"; done
  held=$still
}

# --- the queue ------------------------------------------------------------------------------------------------------------

# enqueue START|END
enqueue() {
  at=$(now_text)
  take state 10 || fail "$EXIT_LATER" "another process keeps $queue locked; nothing was noted down"
  if [ "$1" = START ]; then
    [ -n "$session" ] || session="$instrument-$(date -u +%Y%m%dT%H%M%SZ)-$(random_hex | cut -c1-8)"
    [ ! -f "$queue/current" ] || tell "the session before was not ended here: $(cat "$queue/current")"
  else
    [ -n "$session" ] || session=$(content_of "$queue/current")
  fi
  next=$(($(number_in "$queue/sequence") + 1))
  event="{\"instrument\":\"$(json_text "$instrument")\",\"event\":\"$1\",\"timestamp\":\"$at\""
  event="$event$(json_member session_identifier "$session")$(json_member user "$user")"
  event="$event$(json_member note "$note")}"
  # The number first: one that is left out harms nothing, one that comes twice would.
  keep "$queue/sequence" "$next" &&
    keep "$waiting/$(printf '%010d' "$next")-$(random_hex).json" "$event" ||
    fail "$EXIT_CONFIGURATION" "$queue cannot be written; the $1 is lost"
  if [ "$1" = START ]; then keep "$queue/current" "$session"; else rm -f "$queue/current"; fi
  give_back state
}

read_token() {
  [ -n "$url" ] || fail "$EXIT_CONFIGURATION" "no address: set RS_URL"
  [ -n "$token_file" ] || fail "$EXIT_CONFIGURATION" "no token: set RS_TOKEN_FILE"
  [ -r "$token_file" ] || fail "$EXIT_CONFIGURATION" "$token_file cannot be read"
  case $(ls -ldL "$token_file") in
    ????------*) ;;
    *) tell "others may read $token_file: chmod 600 it" ;;
  esac
  token=$(tr -d ' \t\r\n' <"$token_file")
  case $token in
    '' | *[!A-Za-z0-9._~+/=-]*) fail "$EXIT_CONFIGURATION" "$token_file does not hold a token" ;;
  esac
}

# send FILE: sets `status` (000: no answer). The token goes by standard input, so that no list of processes shows it.
send() {
  key=${1##*-}
  event=$(cat "$1")
  printf '%s,"sent_at":"%s"}' "${event%\}}" "$(now_text)" >"$queue/.body.$$"
  set -- --silent --show-error --connect-timeout 5 --max-time 30 --output "$queue/.answer.$$" \
    --dump-header "$queue/.headers.$$" --write-out '%{http_code}' --config - \
    --header 'Content-Type: application/json' --header "Idempotency-Key: ${key%.json}" \
    --data-binary "@$queue/.body.$$"
  [ -z "$ca_file" ] || set -- "$@" --cacert "$ca_file"
  : >"$queue/.answer.$$"
  : >"$queue/.headers.$$"
  status=$(
    curl --disable "$@" "${url%/}/api/v1/session-log" 2>"$queue/.fault.$$" <<TOKEN
header = "Authorization: Bearer $token"
TOKEN
  ) || status=000
  case $status in [0-9][0-9][0-9]) ;; *) status=000 ;; esac
}

# member NAME: a text of the last answer.
member() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$queue/.answer.$$" | head -n 1; }

# The server is away or busy: the later, the longer it is.
back_off() {
  failures=$(($(number_in "$queue/failures") + 1))
  asked=$(sed -n 's/^[Rr][Ee][Tt][Rr][Yy]-[Aa][Ff][Tt][Ee][Rr]: *\([0-9][0-9]*\).*/\1/p' "$queue/.headers.$$" | head -n 1)
  delay=15
  doubled=1
  while [ "$doubled" -lt "$failures" ] && [ "$delay" -lt 900 ]; do
    delay=$((delay * 2))
    doubled=$((doubled + 1))
  done
  [ "$delay" -le 900 ] || delay=900
  [ -z "$asked" ] || [ "${#asked}" -gt 5 ] || [ "$asked" -le "$delay" ] || delay=$asked
  keep "$queue/failures" "$failures"
  keep "$queue/not-before" "$(($(now_seconds) + delay))"
}

# Sends what waits, in its order. Answers the exit code.
send_all() {
  outcome=0
  while file=$(first_waiting) && [ -n "$file" ]; do
    send "$file"
    case $status in
      2??)
        what=$(sed -n 's/.*"event":"\([A-Z]*\)".*/\1/p' "$file")
        say "$what of $(member session_key): $(member kind), $(member status)"
        sed -n 's/.*"warnings":\[\([^]][^]]*\)\].*/recordsmith-client: warning: \1/p' "$queue/.answer.$$" >&2
        rm -f "$file" "$queue/failures" "$queue/not-before"
        ;;
      400 | 409 | 413 | 415 | 422)
        name=${file##*/}
        cp "$queue/.answer.$$" "$refused/${name%.json}.answer" && mv "$file" "$refused/$name" ||
          return "$EXIT_CONFIGURATION"
        rm -f "$queue/failures" "$queue/not-before"
        tell "refused ($status): $(member detail) See $refused/${name%.json}.answer"
        outcome=$EXIT_REFUSED
        ;;
      401 | 403)
        tell "the token was refused ($status): $(member detail) $(count_in "$waiting") events wait"
        return "$EXIT_RIGHTS"
        ;;
      000 | 408 | 425 | 429 | 5??)
        back_off
        tell "the server is away or busy ($status); $(count_in "$waiting") events wait. $(head -n 1 "$queue/.fault.$$")"
        return "$EXIT_LATER"
        ;;
      *)
        tell "answer $status: is the address $url right? $(member detail) $(count_in "$waiting") events wait"
        return "$EXIT_CONFIGURATION"
        ;;
    esac
  done
  return "$outcome"
}

# flush SECONDS: waits that long for another process that is sending.
flush() {
  [ -n "$(first_waiting)" ] || return 0
  read_token
  if ! take send "$1"; then
    tell "another process is sending; $(count_in "$waiting") events wait"
    return "$EXIT_LATER"
  fi
  send_all
  flushed=$?
  give_back send
  return "$flushed"
}

case $command in
  start | end)
    [ -n "$instrument" ] || fail "$EXIT_CONFIGURATION" "no instrument: set RS_INSTRUMENT"
    if [ "$command" = start ]; then enqueue START; else enqueue END; fi
    flush 35
    ;;
  flush)
    left=$(($(number_in "$queue/not-before") - $(now_seconds)))
    # A clock that was set back must not make it wait for years.
    if [ "$force" = no ] && [ "$left" -gt 0 ] && [ "$left" -lt 100000 ]; then
      tell "the server was away; it is tried again later. $(count_in "$waiting") events wait"
      exit "$EXIT_LATER"
    fi
    flush 0
    ;;
  status)
    say "waiting: $(count_in "$waiting")"
    say "refused: $(count_in "$refused")"
    if [ -f "$queue/current" ]; then say "open session: $(cat "$queue/current")"; else say "open session: none"; fi
    ;;
esac
exit $?
