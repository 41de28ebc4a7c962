#include "sync/parquet/column.hpp"

#include "sync/parquet/hybrid.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>

namespace lakeferry::parquet {

namespace {

static_assert(std::endian::native == std::endian::little, "Parquet's numbers are little-endian");

// Whether texts repeat is seen after so many.
constexpr std::size_t look_after = 1024;
constexpr std::size_t length_bytes = 4;

template <class T>
void append_raw(std::string& to, T value)
{
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    to.append(bytes, sizeof(T));
}

void append_plain(std::string& to, std::string_view text)
{
    append_raw(to, static_cast<std::uint32_t>(text.size()));
    to += text;
}

std::string packed_bits(std::string_view bytes)
{
    std::string out((bytes.size() + 7) / 8, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i)
        if (bytes[i] != 0) out[i / 8] = static_cast<char>(static_cast<unsigned char>(out[i / 8]) | (1U << (i % 8)));
    return out;
}

}  // namespace

std::size_t column::hash::operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }

std::string_view column::entry(std::uint32_t number) const noexcept
{
    const char* at = entries_.data() + offsets_[number];
    std::uint32_t size = 0;
    std::memcpy(&size, at, length_bytes);
    return {at + length_bytes, size};
}

void column::note(std::uint32_t row)
{
    present_.resize(row, false);
    present_.push_back(true);
}

void column::add_text(std::uint32_t row, std::string_view value)
{
    note(row);
    if (!in_dictionary_) return append_plain(plain_, value);
    if (const auto known = index_.find(value); known != index_.end()) {
        indices_.push_back(*known);
        return;
    }
    const auto number = static_cast<std::uint32_t>(offsets_.size());
    offsets_.push_back(static_cast<std::uint32_t>(entries_.size()));
    append_plain(entries_, value);
    index_.insert(number);
    indices_.push_back(number);
    if (indices_.size() >= look_after && offsets_.size() > indices_.size() / 4 * 3) leave_dictionary();
}

void column::add_int(std::uint32_t row, std::int64_t value)
{
    note(row);
    append_raw(plain_, value);
}

void column::add_double(std::uint32_t row, double value)
{
    note(row);
    append_raw(plain_, value);
}

void column::add_boolean(std::uint32_t row, bool value)
{
    note(row);
    plain_.push_back(value ? '\1' : '\0');
}

void column::leave_dictionary()
{
    for (const auto i : indices_) append_plain(plain_, entry(i));
    index_.clear();
    entries_.clear();
    offsets_.clear();
    indices_.clear();
    in_dictionary_ = false;
}

// Which rows have a value: one bit each, after the length of all.
void column::append_levels(std::string& to, std::uint32_t rows) const
{
    const std::size_t at = to.size();
    to.append(length_bytes, '\0');
    append_hybrid(to, rows, 1, [this](std::size_t i) { return i < present_.size() && present_[i] ? 1U : 0U; });
    const auto length = static_cast<std::uint32_t>(to.size() - at - length_bytes);
    std::memcpy(to.data() + at, &length, length_bytes);
}

column_pages column::take(std::uint32_t rows)
{
    column_pages out;
    out.values = rows;
    append_levels(out.data, rows);
    if (type_ == value_type::text && in_dictionary_ && !offsets_.empty()) {
        const auto last = static_cast<std::uint32_t>(offsets_.size() - 1);
        const auto width = std::max(1U, static_cast<unsigned>(std::bit_width(last)));
        out.data.push_back(static_cast<char>(width));
        append_hybrid(out.data, indices_.size(), width, [this](std::size_t i) { return indices_[i]; });
        out.dictionary_entries = last + 1;
        out.dictionary = std::move(entries_);
    } else {
        out.data += type_ == value_type::boolean ? packed_bits(plain_) : plain_;
    }
    present_.clear();
    plain_.clear();
    index_.clear();
    entries_.clear();
    offsets_.clear();
    indices_.clear();
    in_dictionary_ = true;
    return out;
}

}  // namespace lakeferry::parquet
