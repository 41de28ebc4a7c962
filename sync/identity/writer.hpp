// The rows that calls cause, table by table.
#pragma once

#include "sync/core/space_config.hpp"
#include "sync/identity/prepare.hpp"
#include "sync/identity/table_set.hpp"
#include "sync/identity/traits.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::identity {

// A call with its chunk.
struct event_view {
    const prepared_chunk& chunk;
    const prepared_call& call;

    std::string_view text(slice s) const noexcept { return chunk.view(s); }
};

// Owner: one step. Every row of the three update tables takes the next seq, in the order in which it is written.
class row_maker {
public:
    row_maker(table_set& tables, const std::vector<core::source_settings>& sources, std::string_view space_id,
              bool materialized, std::uint64_t last_seq, std::int64_t now_us);

    std::uint64_t last_seq() const noexcept { return seq_; }
    std::uint64_t columns_refused() const noexcept { return columns_refused_; }

    // Creation or merge, then identifiers: rows of the update tables and of the current ones. The seq of the first
    // row of a merge.
    void graph_rows(const event_view& event, const decision& done, const profile& to);
    // A snapshot of what the profile shows now, and the current rows that differ.
    void trait_rows(const event_view& event, const profile_id& of, const std::vector<visible_trait>& now,
                    const trait_changes& changes);
    // Current rows of traits of profiles that are merged away.
    void gone_trait_rows(const profile_id& of, const std::vector<visible_trait>& shown, std::uint64_t seq);
    // The row of the call itself; a track has a second one, in the table of its event.
    void event_rows(const event_view& event, const std::optional<profile_id>& of);
    // Its row in one of them, into the second lane of that table. false: the call has no row there.
    bool refill_row(const event_view& event, const std::optional<profile_id>& of, std::string_view table);

    // seq of the first row of the last merge or creation.
    std::uint64_t graph_seq() const noexcept { return graph_seq_; }

private:
    void graph_row(const event_view& event, std::string_view segment, std::string_view canonical);
    void identifier_row(const event_view& event, std::string_view segment, const held_identifier& held);
    void trigger(core::row_writer& row, const event_view& event);
    void current_identifier(std::string_view segment, const held_identifier& held, std::uint64_t seq);
    void current_identifier_gone(std::string_view segment, const held_identifier& held, std::uint64_t seq);
    void current_trait_gone(std::string_view segment, std::string_view name, std::uint64_t seq);
    void event_row(open_table& table, const event_view& event, std::string_view segment, bool fields);
    void values(open_table& table, const event_view& event, range which, std::string_view skip_a,
                std::string_view skip_b);

    table_set& tables_;
    std::map<std::string_view, const core::source_settings*> sources_{};
    std::string_view space_id_;
    bool materialized_;
    std::uint64_t seq_;
    std::uint64_t graph_seq_ = 0;
    std::uint64_t columns_refused_ = 0;
    std::string now_{};  // quoted
};

}  // namespace lakeferry::identity
