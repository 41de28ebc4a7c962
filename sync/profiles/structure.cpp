#include "sync/profiles/structure.hpp"

#include "sync/databricks/catalog.hpp"

#include <algorithm>
#include <functional>

namespace lakeferry::profiles {

namespace {

std::string lower(std::string_view text)
{
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

std::uint64_t digest(std::string_view column) { return std::hash<std::string>{}(lower(column)); }

std::vector<std::uint64_t> digests_of(const auto& columns)
{
    std::vector<std::uint64_t> out;
    out.reserve(columns.size());
    for (const auto& c : columns) out.push_back(digest(c.name));
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace

rt::awaitable<rt::outcome<void>> structure::send(std::string text, rt::deadline limit)
{
    databricks::statement what;
    what.text = std::move(text);
    what.warehouse_id = warehouse_id_;
    ++sent_;
    auto done = co_await sql_.run(std::move(what), limit);
    if (done.has_error()) co_return done.error();
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<void>> structure::read(bool with_volume, rt::deadline limit)
{
    auto& door = sql_.door();
    auto schema = co_await databricks::get_schema(door, at_.catalog, at_.schema, limit);
    if (schema.has_error()) co_return schema.error();
    schema_exists_ = schema->has_value();
    columns_.clear();
    volume_exists_ = false;
    volume_problem_.clear();
    if (schema_exists_) {
        auto tables = co_await databricks::list_tables(door, at_.catalog, at_.schema, limit);
        if (tables.has_error()) co_return tables.error();
        for (const auto& t : *tables) columns_.emplace(lower(t.name), digests_of(t.columns));
        if (with_volume) {
            auto volume = co_await databricks::get_volume(door, at_.catalog, at_.schema, at_.volume, limit);
            if (volume.has_error()) co_return volume.error();
            volume_exists_ = volume->has_value();
        }
    }
    read_ = true;
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<void>> structure::ensure_schema(bool with_volume, statement_label label, rt::deadline limit)
{
    if (!read_) {
        auto seen = co_await read(with_volume, limit);
        if (seen.has_error()) co_return seen.error();
    }
    // CREATE SCHEMA IF NOT EXISTS needs a privilege even where the schema exists: hence the look before.
    if (!schema_exists_) {
        auto made = co_await send(create_schema(at_, label), limit);
        if (made.has_error()) co_return made.error();
        schema_exists_ = true;
    }
    if (with_volume && !volume_exists_ && volume_problem_.empty()) {
        auto made = co_await send(create_volume(at_, label), limit);
        if (made.has_error() && made.error().id != "permission.missing") co_return made.error();
        volume_exists_ = made.has_value();
        if (made.has_error()) volume_problem_ = made.error().detail;
    }
    const std::string fence(fence_table);
    if (!columns_.contains(fence)) {
        auto made = co_await send(create_fence_table(at_, label), limit);
        if (made.has_error()) co_return made.error();
        columns_[fence] = {};
    }
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<void>> structure::ensure_table(core::table wanted, statement_label label, rt::deadline limit)
{
    const std::string name = lower(wanted.name);
    const auto known = columns_.find(name);
    if (known == columns_.end()) {
        auto made = co_await send(create_table(at_, wanted, label), limit);
        if (made.has_error()) co_return made.error();
        columns_[name] = digests_of(wanted.columns);
        co_return boost::system::in_place_value;
    }
    std::vector<core::column> missing;
    for (const auto& c : wanted.columns)
        if (!std::binary_search(known->second.begin(), known->second.end(), digest(c.name))) missing.push_back(c);
    if (missing.empty()) co_return boost::system::in_place_value;
    auto added = co_await send(add_columns(at_, wanted.name, missing, label), limit);
    if (added.has_error() && added.error().id == "column.exists") {
        // Somebody else added one of them, or our own ALTER came through twice: look again, then add the rest.
        auto table = co_await databricks::get_table(sql_.door(), at_.catalog, at_.schema, wanted.name, limit);
        if (table.has_error()) co_return table.error();
        if (!table->has_value()) co_return added.error();
        std::erase_if(missing, [&](const core::column& c) { return (**table).find(c.name) != nullptr; });
        added = missing.empty() ? rt::outcome<void>(boost::system::in_place_value)
                                : co_await send(add_columns(at_, wanted.name, missing, label), limit);
    }
    if (added.has_error()) co_return added.error();
    columns_[name] = digests_of(wanted.columns);
    co_return boost::system::in_place_value;
}

}  // namespace lakeferry::profiles
