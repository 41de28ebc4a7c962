// Rows on their way that are of erased people, or name them: found and rewritten in the outbox.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/erasure.hpp"
#include "sync/core/json_tokens.hpp"
#include "sync/core/table.hpp"
#include "sync/profiles/load_journal.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::profiles {

// The columns of event tables that identifiers of a type are taken from.
using columns_of_type = std::function<std::vector<std::string>(std::string_view type)>;

// True for tables of events: rows that carry a call's identifiers.
bool holds_events(const core::table& t) noexcept;
// The columns by which tables name a profile.
std::span<const std::string_view> profile_columns() noexcept;
// Columns whose JSON text may carry any identifier: context_external_ids and _rescued_data.
inline constexpr std::string_view external_ids_column = "context_external_ids";

// The rules by which a row is a person's, the same in the outbox and in the tables (erasure_sql.hpp):
//   remove   one of its profile columns names the person; or it is a call that belongs to nobody (segment_id NULL) and one
//            of its identifier columns has an identifier of the person
//   blank    it is a call of another profile, and one of its identifier columns has an identifier of the person (a
//            shared device, an identifier beyond a limit): the column becomes NULL, the row stays
class row_matcher {
public:
    row_matcher(const core::people& who, const columns_of_type& columns);

    enum class verdict : std::uint8_t { keep, remove, blank };
    // One line of NDJSON without its end. blank: `changed` is the row without what names the person.
    verdict look(std::string_view line, bool events, std::string& changed) const;

private:
    bool names(std::string_view column, std::string_view raw) const;

    core::quoted_set segments_{};
    std::map<std::string, core::quoted_set, std::less<>> columns_{};  // raw JSON values by column
    core::quoted_set any_{};
};

struct outbox_sweep {
    std::uint64_t removed = 0;
    std::uint64_t blanked = 0;
    std::uint64_t blocks_left = 0;  // could not be touched: an unfinished load sends them from here
};

// Called before every write with what was done until then: adds what must be on disk together with it.
using sweep_record = std::function<void(const outbox_sweep& so_far, store::batch& to)>;

// In all batches up to `last_batch`. Without `along` nothing is written, only counted. Blocking: workers only; nothing is
// staged meanwhile.
rt::outcome<outbox_sweep> sweep_outbox(store::store& in, std::uint32_t space, const std::vector<core::table>& tables,
                                       const row_matcher& who, std::uint64_t last_batch,
                                       const std::vector<load>& journal, const sweep_record& along);

}  // namespace lakeferry::profiles
