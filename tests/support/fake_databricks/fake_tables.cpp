#include "tests/support/fake_databricks/fake_tables.hpp"

#include "tests/support/fake_databricks/answers.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace lakeferry::fake_databricks {

using databricks::statement_error;
using detail::lower;

namespace {

std::string schema_of(const std::string& full_name)
{
    return full_name.substr(0, full_name.rfind('.'));
}

cell value_of(const row& r, const std::string& column)
{
    const auto found = r.find(column);
    return found == r.end() ? cell() : found->second;
}

std::int64_t number_of(const cell& c)
{
    std::int64_t out = INT64_MIN;
    if (c) std::from_chars(c->data(), c->data() + c->size(), out);
    return out;
}

// nullopt: a part is NULL, and NULL equals nothing.
std::optional<std::vector<std::string>> key_of(const row& r, const std::vector<std::string>& key)
{
    std::vector<std::string> out;
    for (const auto& name : key) {
        auto c = value_of(r, name);
        if (!c) return std::nullopt;
        out.push_back(std::move(*c));
    }
    return out;
}

statement_error no_table(const std::string& name)
{
    return sql_error("42P01", "TABLE_OR_VIEW_NOT_FOUND", "The table or view `" + name + "` cannot be found.");
}

change fails(statement_error e)
{
    change out;
    out.error = std::move(e);
    return out;
}

}  // namespace

statement_error sql_error(std::string sql_state, std::string error_class, std::string text)
{
    statement_error out;
    out.message = "\n[" + error_class + "] " + text + " SQLSTATE: " + sql_state;
    out.sql_state = std::move(sql_state);
    out.error_code = "BAD_REQUEST";
    return out;
}

std::optional<statement_error> fake_tables::create_schema(const std::string& full_name, bool if_not_exists)
{
    if (schemas_.insert(lower(full_name)).second || if_not_exists) return std::nullopt;
    return sql_error("42P06", "SCHEMA_ALREADY_EXISTS", "Cannot create schema `" + full_name + "` because it already exists.");
}

std::optional<statement_error> fake_tables::drop_schema(const std::string& full_name)
{
    const auto name = lower(full_name);
    if (schemas_.erase(name) == 0) return sql_error("42704", "SCHEMA_NOT_FOUND", "The schema `" + name + "` cannot be found.");
    std::erase_if(tables_, [&](const auto& one) { return schema_of(one.first) == name; });
    return std::nullopt;
}

bool fake_tables::has_schema(const std::string& full_name) const
{
    return schemas_.contains(lower(full_name));
}

std::vector<std::string> fake_tables::schemas() const
{
    return {schemas_.begin(), schemas_.end()};
}

std::optional<statement_error> fake_tables::create(const std::string& full_name,
                                                   std::vector<databricks::column_info> columns,
                                                   bool if_not_exists,
                                                   std::string comment)
{
    const auto name = lower(full_name);
    if (!has_schema(schema_of(name)))
        return sql_error("42704", "SCHEMA_NOT_FOUND", "The schema `" + schema_of(name) + "` cannot be found.");
    if (tables_.contains(name)) {
        if (if_not_exists) return std::nullopt;
        return sql_error("42P07", "TABLE_OR_VIEW_ALREADY_EXISTS", "Cannot create table or view `" + name + "` because it already exists.");
    }
    fake_table made;
    made.full_name = name;
    made.columns = std::move(columns);
    made.comment = std::move(comment);
    tables_.emplace(name, std::move(made));
    return std::nullopt;
}

std::optional<statement_error> fake_tables::drop(const std::string& full_name, bool if_exists)
{
    if (tables_.erase(lower(full_name)) > 0 || if_exists) return std::nullopt;
    return no_table(full_name);
}

std::optional<statement_error> fake_tables::add_columns(const std::string& full_name,
                                                        std::vector<databricks::column_info> columns)
{
    auto* t = find(full_name);
    if (t == nullptr) return no_table(full_name);
    for (const auto& c : columns) {
        for (const auto& have : t->columns)
            if (lower(have.name) == lower(c.name))
                return sql_error("42711", "FIELD_ALREADY_EXISTS", "Cannot add column, because `" + c.name + "` already exists.");
    }
    for (auto& c : columns) t->columns.push_back(std::move(c));
    ++t->version;
    return std::nullopt;
}

fake_table* fake_tables::find(const std::string& full_name)
{
    const auto found = tables_.find(lower(full_name));
    return found == tables_.end() ? nullptr : &found->second;
}

const fake_table* fake_tables::find(const std::string& full_name) const
{
    const auto found = tables_.find(lower(full_name));
    return found == tables_.end() ? nullptr : &found->second;
}

std::vector<std::string> fake_tables::names() const
{
    std::vector<std::string> out;
    for (const auto& [name, t] : tables_) out.push_back(name);
    return out;
}

std::optional<statement_error> fake_tables::check_columns(const fake_table& t, const std::vector<std::string>& names) const
{
    for (const auto& name : names) {
        const bool known = std::any_of(t.columns.begin(), t.columns.end(),
                                       [&](const auto& c) { return lower(c.name) == lower(name); });
        if (!known)
            return sql_error("42703", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "A column with name `" + name + "` cannot be resolved.");
    }
    return std::nullopt;
}

change fake_tables::copy_into(const std::string& full_name,
                              const std::vector<std::string>& selected,
                              const std::vector<std::string>& paths,
                              const file_reader& read)
{
    auto* t = find(full_name);
    if (t == nullptr) return fails(no_table(full_name));
    if (auto bad = check_columns(*t, selected)) return fails(std::move(*bad));
    change out;
    std::vector<row> fresh;
    std::set<std::string> loaded;
    for (const auto& path : paths) {
        if (t->loaded_files.contains(path) || loaded.contains(path)) continue;
        const auto rows = read(path);
        if (!rows)
            return fails(sql_error("KD001", "FAILED_READ_FILE.FILE_NOT_EXIST", "Error while reading file " + path + ". File does not exist."));
        for (const auto& from : *rows) {
            auto& to = fresh.emplace_back();
            for (const auto& name : selected)
                if (auto c = value_of(from, name)) to.emplace(name, std::move(c));
        }
        loaded.insert(path);
    }
    out.inserted = static_cast<std::int64_t>(fresh.size());
    t->rows.insert(t->rows.end(), fresh.begin(), fresh.end());
    t->loaded_files.insert(loaded.begin(), loaded.end());
    if (!loaded.empty()) ++t->version;
    return out;
}

change fake_tables::insert_new(const std::string& full_name, const std::vector<std::string>& key, const std::vector<row>& rows)
{
    auto* t = find(full_name);
    if (t == nullptr) return fails(no_table(full_name));
    std::set<std::vector<std::string>> have;
    for (const auto& r : t->rows)
        if (auto k = key_of(r, key)) have.insert(std::move(*k));
    change out;
    std::vector<row> fresh;
    for (const auto& r : rows) {
        std::vector<std::string> names;
        for (const auto& [name, c] : r) names.push_back(name);
        if (auto bad = check_columns(*t, names)) return fails(std::move(*bad));
        // All source rows are compared with the table as it was, not with each other.
        const auto k = key_of(r, key);
        if (k && have.contains(*k)) continue;
        auto& to = fresh.emplace_back();
        for (const auto& [name, c] : r)
            if (c) to.emplace(name, c);
    }
    out.inserted = static_cast<std::int64_t>(fresh.size());
    t->rows.insert(t->rows.end(), fresh.begin(), fresh.end());
    if (out.inserted > 0) ++t->version;
    return out;
}

change fake_tables::merge_keyed(const std::string& full_name,
                                const std::vector<std::string>& key,
                                const std::vector<std::string>& update,
                                const std::vector<row>& rows,
                                const std::optional<fence_guard>& fence,
                                const std::string& seq_column,
                                const std::string& op_column)
{
    auto* t = find(full_name);
    if (t == nullptr) return fails(no_table(full_name));
    if (auto bad = check_columns(*t, update)) return fails(std::move(*bad));
    change out;
    if (fence) {
        if (find(fence->fence_table) == nullptr) return fails(no_table(fence->fence_table));
        if (fence_of(fence->fence_table, fence->table_name) >= fence->load) return out;
    }
    std::map<std::vector<std::string>, const row*> source;
    for (const auto& r : rows) {
        const auto k = key_of(r, key);
        if (k && !source.emplace(*k, &r).second)
            return fails(sql_error("21506", "DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE",
                                   "Cannot perform Merge as multiple source rows matched and attempted to modify the same target row."));
    }
    const auto written = [&](const row& from) {
        row to;
        for (const auto& name : update)
            if (auto c = value_of(from, name)) to.emplace(name, std::move(c));
        return to;
    };
    std::vector<row> kept;
    std::set<std::vector<std::string>> matched;
    for (auto& r : t->rows) {
        const auto k = key_of(r, key);
        const auto found = k ? source.find(*k) : source.end();
        if (found == source.end()) {
            kept.push_back(std::move(r));
            continue;
        }
        matched.insert(*k);
        const auto& s = *found->second;
        if (number_of(value_of(r, seq_column)) >= number_of(value_of(s, seq_column))) {
            kept.push_back(std::move(r));
        } else if (value_of(s, op_column) == "delete") {
            ++out.deleted;
        } else {
            ++out.updated;
            auto merged = std::move(r);
            for (const auto& name : update) {
                if (auto c = value_of(s, name))
                    merged[name] = std::move(c);
                else
                    merged.erase(name);
            }
            kept.push_back(std::move(merged));
        }
    }
    for (const auto& r : rows) {
        const auto k = key_of(r, key);
        if ((k && matched.contains(*k)) || value_of(r, op_column) == "delete") continue;
        ++out.inserted;
        kept.push_back(written(r));
    }
    t->rows = std::move(kept);
    if (out.affected() > 0) ++t->version;
    return out;
}

std::int64_t fake_tables::fence_of(const std::string& fence_table, const std::string& table_name) const
{
    const auto* t = find(fence_table);
    std::int64_t out = 0;
    if (t == nullptr) return out;
    for (const auto& r : t->rows)
        if (const auto name = value_of(r, "table_name"); name == table_name || name == "*") out = std::max(out, number_of(value_of(r, "load_seq")));
    return out;
}

change fake_tables::move_fence(const std::string& fence_table, const std::string& table_name, std::int64_t load)
{
    auto* t = find(fence_table);
    if (t == nullptr) return fails(no_table(fence_table));
    change out;
    for (auto& r : t->rows) {
        if (value_of(r, "table_name") != table_name) continue;
        if (number_of(value_of(r, "load_seq")) < load) {
            r["load_seq"] = std::to_string(load);
            out.updated = 1;
            ++t->version;
        }
        return out;
    }
    t->rows.push_back({{"table_name", table_name}, {"load_seq", std::to_string(load)}});
    ++t->version;
    out.inserted = 1;
    return out;
}

std::vector<std::string> fake_tables::dump(const std::string& full_name, const std::set<std::string>& without) const
{
    std::vector<std::string> out;
    const auto* t = find(full_name);
    if (t == nullptr) return out;
    for (const auto& r : t->rows) {
        std::string line;
        for (const auto& [name, c] : r)
            if (c && !without.contains(name)) line += name + "=" + *c + "|";
        out.push_back(std::move(line));
    }
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace lakeferry::fake_databricks
