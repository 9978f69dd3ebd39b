#!/bin/sh
# A worker that is not in Python, after bench/README.md alone: the network that gives back what it
# takes. The name of the runtime says what goes wrong.
for job; do :; done  # the last argument

text() { printf '%s' "$job" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
say() { printf '%s\n' "$1"; }

window='{"begin_ns":0,"took_ns":1000000000,"calls":50}'
result='{"type":"result","start_ns":5,"load_ns":4,"first_call_ns":3,"warmup_ns":[3,3,3],
    "samples_ns":[2,2],"peak_memory_bytes":1,"top1":"cat","more":"is ignored"}'
result=$(printf '%s' "$result" | tr -d '\n')

case $(text task) in
describe) say '{"type":"units","units":["CPU","NPU"]}'; exit ;;
compile)
    place=$(text folder)/compiled
    echo ready >"$place"
    say "{\"type\":\"compiled\",\"compiled\":\"$place\",\"compile_ns\":7}"
    exit ;;
soak) say "{\"type\":\"progress\",\"window\":$window}"; sleep 0.1
    say "{\"type\":\"progress\",\"window\":$window}" ;;
esac

case $(text runtime) in
refuse) say '{"type":"error","reason":"no NPU\nis free"}'; exit ;;
crash) echo 'assertion failed' >&2; kill -SEGV $$ ;;
fail) echo 'no such operator' >&2; exit 3 ;;
garbage) say 'loading...' ;;
abort) say 'loading...'; kill -ABRT $$ ;;
latin) printf '{"type":"error","reason":"\351"}\n'; exit ;;
silent) exit ;;
cut) printf '%s' "$result" | cut -c 1-60 | tr -d '\n'; exit ;;
other) say '{"type":"units","units":[]}'; exit ;;
nothing) say "$result"; exit ;;
hang) sleep 100 ;;
closed) exec >/dev/null; sleep 100 ;;
child) sleep 100 & exit ;;
orphan) exec 3<&0; { cat <&3; kill -KILL 0; } >/dev/null & sleep 100 ;;
esac
[ -r "$(text compiled)" ] && cp "$(text path)" "$(text outputs)"
say "$result"
