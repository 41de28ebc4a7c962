// The values of one column on their way into a row group.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::parquet {

// timestamp: microseconds since 1970, UTC.
enum class value_type : std::uint8_t { boolean, int64, float64, timestamp, text };

// The pages of a row group's column, not compressed yet.
struct column_pages {
    std::string dictionary{};  // empty: none
    std::uint32_t dictionary_entries = 0;
    std::string data{};
    std::uint32_t values = 0;  // null included
};

// Texts go into a dictionary as long as they repeat. Null is what is not there when its row ends. Owner: one writer.
class column {
public:
    explicit column(value_type type) : type_(type), index_(0, hash{this}, equal{this}) {}
    column(const column&) = delete;
    column& operator=(const column&) = delete;

    value_type type() const noexcept { return type_; }
    // The value of row `row` of the group, which is not below the last one given. The function must fit type().
    void add_text(std::uint32_t row, std::string_view value);
    void add_int(std::uint32_t row, std::int64_t value);  // int64 and timestamp
    void add_double(std::uint32_t row, double value);
    void add_boolean(std::uint32_t row, bool value);
    bool has(std::uint32_t row) const noexcept { return present_.size() > row; }

    // About what is held in memory.
    std::size_t bytes() const noexcept { return plain_.size() + entries_.size() + 4 * (indices_.size() + offsets_.size()); }
    // Of a group with so many rows; afterwards the column is empty.
    column_pages take(std::uint32_t rows);

private:
    struct hash {
        using is_transparent = void;
        const column* of;
        std::size_t operator()(std::string_view text) const noexcept;
        std::size_t operator()(std::uint32_t entry) const noexcept { return (*this)(of->entry(entry)); }
    };
    struct equal {
        using is_transparent = void;
        const column* of;
        bool operator()(std::uint32_t a, std::uint32_t b) const noexcept { return a == b; }
        bool operator()(std::string_view a, std::uint32_t b) const noexcept { return a == of->entry(b); }
        bool operator()(std::uint32_t a, std::string_view b) const noexcept { return b == of->entry(a); }
    };

    std::string_view entry(std::uint32_t number) const noexcept;
    void note(std::uint32_t row);
    void leave_dictionary();
    void append_levels(std::string& to, std::uint32_t rows) const;

    value_type type_;
    std::vector<bool> present_{};
    std::string plain_{};  // values as Parquet's PLAIN has them (boolean: a byte each until take())
    bool in_dictionary_ = true;
    std::string entries_{};                // of the dictionary, PLAIN
    std::vector<std::uint32_t> offsets_{};  // of the entries
    std::vector<std::uint32_t> indices_{};
    boost::unordered_flat_set<std::uint32_t, hash, equal> index_;
};

}  // namespace lakeferry::parquet
