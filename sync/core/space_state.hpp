// The few records of family `meta` that rooms share: cursors of a space. Key: "space/<be32>/<name>".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lakeferry::core {

// Names in use:
//   resolved      be64: every event block up to this arrival number has been resolved (and removed)
//   batch         be64: number of the last resolved batch; outbox blocks carry it
//   seq           be64: last seq given to a row
//   calls         be64: calls read by identity resolution so far; the place of the next one in processing order
//   tables        be64: number of the next table of events
//   observed      be64: observations of identity resolution that were kept so far
//   notes         text of sync/identity: what was noted so far, by name
//   import/<id>   progress of an import (text of sync/intake)
//   fence         be64: last load number (text of sync/profiles)
//   wide          be64: seq up to which profile_traits has the update tables; "wide/log" be64: the load after which it
//                 is behind them
//   term          be64: the last term of the schema's lease whose fence is known to stand
//   succession    a take-over of the schema that nobody has settled yet (text of sync/profiles)
//   reported      be64: the last run whose report is in the space's schema
//   target        catalog, newline, schema: where the space lands (text of daemon/supervisor)
//   kafka/<topic>/<partition>/<group>  be64: offset of the next message to read (text of sync/intake)
//   kafka-store   the name of this store in consumer groups
std::string space_meta_key(std::uint32_t space, std::string_view name);

}  // namespace lakeferry::core
