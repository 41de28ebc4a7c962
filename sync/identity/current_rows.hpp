// Rows of the tables that show what is so now: written by resolution for what changes, by a filling for what is there.
#pragma once

#include "sync/core/row.hpp"
#include "sync/identity/records.hpp"
#include "sync/identity/traits.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace lakeferry::identity {

// The column is a BIGINT; positions stay far below its end.
inline std::int64_t as_bigint(std::uint64_t seq) noexcept { return static_cast<std::int64_t>(seq); }

// A row of user_identifiers, between begin_row() and end_row(). `now`: the time of processing, quoted.
void put_current_identifier(core::row_writer& row, std::string_view segment, const held_identifier& held,
                            std::uint64_t seq, std::string_view now);

// A row of user_traits, likewise. `scratch` is memory to write the value in, kept between rows.
void put_current_trait(core::row_writer& row, std::string_view segment, const visible_trait& trait, std::uint64_t seq,
                       std::string_view now, std::string& scratch);

}  // namespace lakeferry::identity
