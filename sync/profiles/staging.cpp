#include "sync/profiles/staging.hpp"

#include "sync/core/keys.hpp"
#include "sync/core/outbox_block.hpp"
#include "sync/profiles/landing_sql.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <limits>
#include <set>

namespace lakeferry::profiles {

namespace json = boost::json;

namespace {

// Larger groups compress little better and take more memory.
constexpr std::size_t row_group_bytes = std::size_t{4} << 20;

// The lines are our own: written by row encoding, whole JSON objects.
json::object parse_line(std::string_view line) { return json::parse(line).as_object(); }

template <class F>
void for_each_line(std::string_view lines, F&& each)
{
    while (!lines.empty()) {
        const std::size_t end = std::min(lines.find('\n'), lines.size());
        if (end > 0) each(lines.substr(0, end));
        lines.remove_prefix(std::min(end + 1, lines.size()));
    }
}

void widen(slice_facts& facts, const std::string& value)
{
    if (facts.low.empty() || value < facts.low) facts.low = value;
    if (facts.high.empty() || value > facts.high) facts.high = value;
}

}  // namespace

std::string text_of(const json::object& row, std::string_view column)
{
    const auto* v = row.if_contains(column);
    if (v == nullptr || v->is_null()) return {};
    return v->is_string() ? std::string(v->get_string()) : json::serialize(*v);
}

slice_reader::slice_reader(store::store& in, std::uint32_t space, core::table table, std::uint64_t frozen,
                           std::size_t bytes_max)
    : store_(in), space_(space), table_(std::move(table)), frozen_(frozen), bytes_max_(bytes_max)
{
}

slice_reader slice_reader::again(store::store& in, std::uint32_t space, core::table table,
                                 std::uint64_t first_batch, std::uint64_t last_batch)
{
    slice_reader out(in, space, std::move(table), last_batch, std::numeric_limits<std::size_t>::max());
    out.from_ = first_batch;
    return out;
}

rt::outcome<std::optional<std::string>> slice_reader::next()
{
    if (facts_.rows > 0 && facts_.bytes >= bytes_max_) return std::optional<std::string>();
    std::optional<std::string> stored;
    std::uint64_t batch = 0;
    auto scanned = store_.scan(store::family::outbox, core::outbox_key(space_, table_.number, from_),
                               core::outbox_key(space_, table_.number, frozen_ + 1),
                               [&](std::string_view key, std::string_view value) {
                                   batch = core::read_be64(key, 8);
                                   stored.emplace(value);
                                   return false;
                               });
    if (scanned.has_error()) return scanned.error();
    if (!stored) return std::optional<std::string>();
    auto block = core::decode_outbox_block(*stored);
    if (block.has_error()) return block.error();
    if (facts_.rows == 0) {
        facts_.first_batch = batch;
        const auto first = parse_line(std::string_view(block->lines).substr(0, block->lines.find('\n')));
        facts_.probe_key = text_of(first, row_key(table_));
        facts_.probe_at = text_of(first, "received_at");
    }
    facts_.last_batch = batch;
    facts_.rows += block->rows;
    facts_.rescued += block->rescued;
    facts_.bytes += block->lines.size();
    from_ = batch + 1;
    return std::optional<std::string>(std::move(block->lines));
}

rt::outcome<std::string> smallest(slice_reader from, std::string_view column)
{
    slice_facts span;
    for (;;) {
        auto lines = from.next();
        if (lines.has_error()) return lines.error();
        if (!lines->has_value()) return span.low;
        for_each_line(**lines, [&](std::string_view line) {
            const std::string value = text_of(parse_line(line), column);
            if (!value.empty()) widen(span, value);
        });
    }
}

std::size_t group_bytes(std::size_t file_bytes_max) noexcept { return std::min(file_bytes_max, row_group_bytes); }

rt::outcome<std::optional<staged_file>> append_stager::next()
{
    while (!ended_ && file_.written() < file_bytes_max_) {
        auto lines = from_.next();
        if (lines.has_error()) return lines.error();
        ended_ = !lines->has_value();
        if (ended_) break;
        auto added = file_.add(**lines);
        if (added.has_error()) return added.error();
    }
    const std::uint64_t rows = file_.rows();
    if (rows == 0) return std::optional<staged_file>();
    return std::optional<staged_file>(staged_file{file_.take(), rows});
}

rt::outcome<folded_slice> fold(slice_reader from)
{
    folded_slice out;
    const core::table& t = from.table();
    std::string low;
    std::string high;
    for (;;) {
        auto lines = from.next();
        if (lines.has_error()) return lines.error();
        if (!lines->has_value()) break;
        for_each_line(**lines, [&](std::string_view line) {
            const auto row = parse_line(line);
            std::string key;
            for (const auto& column : t.key) {
                const std::string value = text_of(row, column);
                core::append_be32(key, static_cast<std::uint32_t>(value.size()));
                key += value;
            }
            const std::string first = text_of(row, t.key.front());
            slice_facts span{.low = low, .high = high};
            widen(span, first);
            low = span.low;
            high = span.high;
            out.rows.insert_or_assign(std::move(key), std::string(line));
        });
    }
    out.facts = from.facts();
    out.facts.low = low;
    out.facts.high = high;
    return out;
}

rt::outcome<std::vector<staged_file>> stage_folded(const folded_slice& rows, const core::table& t,
                                                   std::size_t file_bytes_max)
{
    std::vector<staged_file> out;
    row_file file(t, group_bytes(file_bytes_max), file_bytes_max);
    const auto end_file = [&] {
        const std::uint64_t in_file = file.rows();
        out.push_back({file.take(), in_file});
    };
    for (const auto& [key, line] : rows.rows) {
        auto added = file.add(line);
        if (added.has_error()) return added.error();
        if (file.written() >= file_bytes_max) end_file();
    }
    if (file.rows() > 0) end_file();
    return out;
}

void inline_packer::add(std::string_view line)
{
    if (parts_.empty() || parts_.back().json.size() + line.size() + 2 > bytes_max_) {
        const std::uint64_t first = parts_.empty() ? 0 : parts_.back().first_row + parts_.back().rows;
        parts_.push_back({"", first, 0});
    }
    auto& part = parts_.back();
    part.json += part.rows == 0 ? "[" : ",";
    part.json += line;
    ++part.rows;
}

std::vector<inline_part> inline_packer::take()
{
    for (auto& p : parts_) p.json += "]";
    return std::exchange(parts_, {});
}

rt::outcome<std::vector<inline_part>> pack_slice(slice_reader from, const core::table& t, std::size_t part_bytes_max,
                                                 slice_facts& facts)
{
    inline_packer packer(part_bytes_max);
    if (t.kind == core::table_kind::keyed) {
        auto folded = fold(std::move(from));
        if (folded.has_error()) return folded.error();
        facts = folded->facts;
        for (const auto& [key, line] : folded->rows) packer.add(line);
        return packer.take();
    }
    for (;;) {
        auto lines = from.next();
        if (lines.has_error()) return lines.error();
        if (!lines->has_value()) break;
        for_each_line(**lines, [&](std::string_view line) { packer.add(line); });
    }
    facts = from.facts();
    return packer.take();
}

}  // namespace lakeferry::profiles
