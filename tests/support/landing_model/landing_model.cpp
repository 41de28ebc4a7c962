#include "tests/support/landing_model/landing_model.hpp"

#include "tests/support/landing_model/sql_words.hpp"

#include <algorithm>

namespace lakeferry::test {

using namespace fake_databricks;

namespace {

// "`a` STRING COMMENT 'x', `b` BIGINT" → columns.
std::vector<databricks::column_info> definitions(const std::vector<sql_word>& words)
{
    std::vector<databricks::column_info> out;
    bool begins = true;
    for (const auto& w : words) {
        if (w.is == sql_word::kind::sign) {
            begins = true;
        } else if (begins) {
            out.push_back({.name = w.value});
            begins = false;
        } else if (out.back().type_text.empty()) {
            out.back().type_text = w.value;
        } else if (w.is == sql_word::kind::text) {
            out.back().comment = w.value;
        }
    }
    return out;
}

// The names after AS in "CAST(`a` AS STRING) AS `a`, …".
std::vector<std::string> selected(const std::vector<sql_word>& words)
{
    std::vector<std::string> out;
    for (std::size_t i = 1; i < words.size(); ++i)
        if (words[i].is == sql_word::kind::name && words[i - 1].value == "AS") out.push_back(words[i].value);
    return out;
}

std::string parameter(const statement_call& call, std::string_view name)
{
    for (const auto& p : call.what.parameters)
        if (p.name == name) return p.value.value_or("");
    return {};
}

std::optional<std::vector<row>> passed_rows(const statement_call& call)
{
    return read_json_rows(parameter(call, "rows"));
}

class statement_model {
public:
    statement_model(fake_workspace& on, const statement_call& call) : on_(on), call_(call), at_(call.what.text) {}

    executed run()
    {
        if (at_.eat("CREATE SCHEMA IF NOT EXISTS")) return ddl_answer(on_.tables.create_schema(at_.full_name(), true));
        if (at_.eat("CREATE VOLUME IF NOT EXISTS")) {
            on_.volumes.insert(at_.full_name());
            return ddl_answer();
        }
        if (at_.eat("CREATE TABLE IF NOT EXISTS")) {
            const std::string name = at_.full_name();
            return ddl_answer(on_.tables.create(name, definitions(at_.parenthesis()), true));
        }
        if (at_.eat("ALTER TABLE")) {
            const std::string name = at_.full_name();
            at_.expect("ADD COLUMNS");
            return ddl_answer(on_.tables.add_columns(name, definitions(at_.parenthesis())));
        }
        if (at_.eat("COPY INTO")) return copy();
        if (at_.eat("MERGE INTO")) return merge();
        at_.expect("SELECT count(*) AS found FROM");
        return probe();
    }

private:
    executed copy()
    {
        const std::string table = at_.full_name();
        at_.expect("FROM");
        auto inner = at_.parenthesis();
        const std::string folder = inner.back().value;
        at_.expect("FILEFORMAT = JSON FILES =");
        std::vector<std::string> paths;
        for (const auto& w : at_.parenthesis())
            if (w.is == sql_word::kind::text) paths.push_back(folder + "/" + w.value);
        return insert_answer(on_.tables.copy_into(table, selected(inner), paths, on_.file_reader()));
    }

    executed merge()
    {
        const std::string table = at_.full_name();
        at_.expect("AS t USING");
        if (at_.eat("(SELECT * FROM VALUES")) return fences(table);
        const auto source = at_.parenthesis();
        auto columns = selected(source);
        at_.expect("AS s ON");
        std::vector<std::string> key;
        while (at_.eat("t.")) {
            const std::string column = at_.name();
            if (!at_.eat("= s.")) break;
            at_.name();
            key.push_back(column);
            at_.expect("AND");
        }
        at_.find("WHEN");
        if (!at_.eat("WHEN MATCHED AND s._op = ")) {
            const auto rows = passed_rows(call_);
            if (!rows) return failed(sql_error("22P02", "MALFORMED", "rows"));
            return merge_answer(on_.tables.insert_new(table, key, *rows));
        }
        return merge_rows_of_keyed(table, source, columns, key);
    }

    executed merge_rows_of_keyed(const std::string& table, const std::vector<sql_word>& source,
                                 const std::vector<std::string>& columns, const std::vector<std::string>& key)
    {
        fake_tables::fence_guard guard{.fence_table = schema_of(table) + "._lakeferry_loads"};
        std::string path;
        for (std::size_t i = 0; i + 2 < source.size(); ++i) {
            if (source[i].value == "read_files") path = source[i + 2].value;
            if (source[i].value == "table_name") guard.table_name = source[i + 2].value;
        }
        guard.load = std::stoll(source.back().value);
        const auto rows = path.empty() ? passed_rows(call_) : staged_rows(path);
        if (!rows) return failed(sql_error("42K03", "PATH_NOT_FOUND", "Path does not exist: " + path));
        return merge_answer(on_.tables.merge_keyed(table, key, columns, *rows, guard));
    }

    executed fences(const std::string& table)
    {
        change sum;
        while (at_.eat("(")) {
            const std::string name = at_.text();
            at_.expect(", CAST(");
            const auto load = std::stoll(at_.word());
            at_.expect("AS BIGINT))");
            at_.eat(",");
            const auto one = on_.tables.move_fence(table, name, load);
            if (one.error) return failed(*one.error);
            sum.inserted += one.inserted;
            sum.updated += one.updated;
        }
        return merge_answer(sum);
    }

    executed probe()
    {
        const std::string name = at_.full_name();
        at_.expect("WHERE");
        const std::string key = at_.name();
        const auto* table = on_.tables.find(name);
        if (table == nullptr) return failed(sql_error("42P01", "TABLE_OR_VIEW_NOT_FOUND", name));
        const auto found = std::count_if(table->rows.begin(), table->rows.end(), [&](const row& r) {
            const auto cell_of = r.find(key);
            return cell_of != r.end() && cell_of->second == parameter(call_, "key");
        });
        return {.columns = {{"found", "BIGINT"}}, .rows = {{std::to_string(found)}}};
    }

    static std::string schema_of(const std::string& table) { return table.substr(0, table.rfind('.')); }

    // A path may hold one "*".
    std::optional<std::vector<row>> staged_rows(const std::string& path) const
    {
        const auto star = path.find('*');
        if (star == std::string::npos) return on_.file_reader()(path);
        std::vector<row> all;
        bool any = false;
        for (const auto& [file, bytes] : on_.files) {
            if (!file.starts_with(path.substr(0, star)) || !file.ends_with(path.substr(star + 1))) continue;
            const auto rows = on_.file_reader()(file);
            if (!rows) return std::nullopt;
            all.insert(all.end(), rows->begin(), rows->end());
            any = true;
        }
        if (!any) return std::nullopt;
        return all;
    }

    fake_workspace& on_;
    const statement_call& call_;
    sql_cursor at_;
};

}  // namespace

executor landing_executor(fake_workspace& on)
{
    return [&on](const statement_call& call) { return statement_model(on, call).run(); };
}

}  // namespace lakeferry::test
