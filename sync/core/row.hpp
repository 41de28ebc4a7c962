// Values on their way into rows: what type a value has, whether it fits a column, and rows as NDJSON text.
#pragma once

#include "sync/core/table.hpp"

#include <boost/json/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lakeferry::core {

// Arrays are text in tables, yet an array is not equal to a text of the same look.
enum class cell_kind : std::uint8_t { boolean, bigint, double_, timestamp, string, array };
column_type natural_type(cell_kind kind) noexcept;

// One value as JSON text. Borrows.
struct cell {
    cell_kind kind = cell_kind::string;
    std::string_view json{};      // as a column of natural_type(kind) takes it
    std::string_view original{};  // timestamp: the quoted text as sent
};
// Equal as JSON values, numbers by value (12 and 12.0 are equal, 12 and "12" are not).
bool same_value(const cell& a, const cell& b) noexcept;

// Bounds of a cell inside the buffer that it was written to.
struct cell_range {
    cell_kind kind = cell_kind::string;
    std::uint32_t json_at = 0;
    std::uint32_t json_bytes = 0;
    std::uint32_t original_at = 0;
    std::uint32_t original_bytes = 0;
};
// The value is neither null nor an object. Whole numbers beyond BIGINT are texts: no digit is lost.
cell_range append_cell(std::string& buffer, const boost::json::value& value);
cell at(std::string_view buffer, const cell_range& range) noexcept;

// Appends the value as a column of type `to` takes it, if nothing is lost by that: whole numbers as DOUBLE where a
// double holds them, 12.0 as BIGINT, everything as STRING, and texts that look exactly as the converted value is
// printed ("5", "true"). false: it does not fit, nothing was appended.
bool append_fitting(std::string& out, const cell& value, column_type to);
// The text of user_traits.value: append_fitting(.., STRING), which always fits.
void append_as_text(std::string& out, const cell& value);

// One row at a time into `out`: {"a":1,"b":"x"} and a line feed. Names are column names: they need no escapes.
class row_writer {
public:
    explicit row_writer(std::string& out) : out_(out) {}

    void begin() { out_ += '{'; }
    void text(std::string_view name, std::string_view value);
    // Blank: NULL, that is, absent.
    void text_if(std::string_view name, std::string_view value)
    {
        if (!value.empty()) text(name, value);
    }
    void timestamp(std::string_view name, std::int64_t us);
    void bigint(std::string_view name, std::int64_t value);
    // The value is JSON text.
    void raw(std::string_view name, std::string_view json)
    {
        this->name(name);
        out_ += json;
    }
    // For what is appended to `out` by hand after it.
    void name(std::string_view name);
    void end() { out_ += "}\n"; }

private:
    std::string& out_;
};

// The column of a row for what did not fit: a JSON object {column: value}, as text.
inline constexpr std::string_view rescued_column = "_rescued_data";
class rescued_values {
public:
    void add(std::string_view column, const cell& value);
    bool empty() const noexcept { return object_.empty(); }
    // Writes the column if there is something, and forgets it.
    void flush(row_writer& row);

private:
    std::string object_{};
};

}  // namespace lakeferry::core
