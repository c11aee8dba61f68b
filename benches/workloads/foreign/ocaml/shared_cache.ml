(* A cache that domains share: hash tables with a mutex each, as the library has no map for them. *)

type value = { key : int; version : int; third : int; fourth : int; fifth : int; last : int }

let value key version = { key; version; third = key; fourth = key; fifth = key; last = key }

module Table = Messages.Table

let shards = 64

type cache = { locks : Mutex.t array; tables : value Table.t array }

let create () = { locks = Array.init shards (fun _ -> Mutex.create ()); tables = Array.init shards (fun _ -> Table.create 16) }

let find cache key =
  let shard = key mod shards in
  Mutex.protect cache.locks.(shard) (fun () -> Table.find cache.tables.(shard) key)

let replace cache key value =
  let shard = key mod shards in
  Mutex.protect cache.locks.(shard) (fun () -> Table.replace cache.tables.(shard) key value)

let use cache entries operations thread =
  let durations = !Steps.by_thread.(thread) in
  let random = Xorshift.create (7 + thread) in
  let sum = ref 0 in
  for operation = 0 to operations - 1 do
    let start = Steps.now () in
    let get = Xorshift.below random 100 < 80 in
    let key = Xorshift.below random entries in
    if get then begin
      let value = find cache key in
      sum := !sum + value.key + value.last
    end
    else replace cache key (value key operation);
    Steps.record durations operation start
  done;
  !sum

let run entries threads operations =
  Steps.reserve ~threads operations;
  let cache = create () in
  for key = 0 to entries - 1 do replace cache key (value key 0) done;
  let users = List.init threads (fun thread -> Domain.spawn (fun () -> use cache entries operations thread)) in
  let sum = List.fold_left (fun sum user -> sum + Domain.join user) 0 users in
  Array.fold_left (fun sum table -> sum + Table.length table) sum cache.tables
