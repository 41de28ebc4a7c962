#include "tests/support/landing_model/landing_model.hpp"

#include "tests/support/landing_model/care_model.hpp"
#include "tests/support/landing_model/count_model.hpp"
#include "tests/support/landing_model/erasure_model.hpp"
#include "tests/support/landing_model/fence_model.hpp"
#include "tests/support/landing_model/sources.hpp"
#include "tests/support/landing_model/sql_words.hpp"

#include <algorithm>
#include <map>

namespace lakeferry::test {

using namespace fake_databricks;

namespace {

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
        return at_.eat("BEGIN") ? script() : statement();
    }

private:
    executed statement()
    {
        if (auto made = create()) return *made;
        if (at_.eat("CREATE OR REPLACE TABLE")) return retype_in_model(on_, at_.full_name(), call_.what.text);
        if (at_.eat("OPTIMIZE")) return ddl_answer();
        if (at_.eat("COMMENT ON TABLE")) return comment_table();
        if (at_.eat("DELETE FROM")) return sweep();
        if (at_.eat("ALTER TABLE")) {
            const std::string name = at_.full_name();
            if (at_.eat("SET TBLPROPERTIES")) return set_properties(name);
            if (at_.eat("ALTER COLUMN")) return comment_column(name);
            at_.expect("ADD COLUMNS");
            return ddl_answer(on_.tables.add_columns(name, definitions(at_.parenthesis())));
        }
        if (at_.eat("COPY INTO")) return copy();
        if (at_.eat("MERGE INTO")) return merge();
        if (at_.eat("SELECT coalesce(max(load_seq), 0) AS fence FROM")) return read_fence();
        if (at_.eat("DECLARE lakeferry_rows BIGINT")) return ddl_answer();
        if (at_.eat("SET lakeferry_rows = (SELECT count(*) FROM")) return count();
        if (at_.eat("SELECT lakeferry_rows AS num_affected_rows"))
            return {.columns = {{"num_affected_rows", "BIGINT"}}, .rows = {{std::to_string(counted_)}}};
        if (at_.eat("SELECT count_if")) {
            at_.find("AS back FROM");
            at_.expect("AS back FROM");
            return check_in_model(on_, at_.full_name(), call_.what.text);
        }
        at_.expect("SELECT count(*) AS found FROM");
        return probe();
    }

    executed count()
    {
        auto found = count_in_model(on_, at_);
        if (found.error) return found;
        at_.expect(")");
        counted_ = std::stoll(*found.rows.front().front());
        return ddl_answer();
    }

    executed sweep()
    {
        const std::string table = at_.full_name();
        at_.expect("WHERE");
        at_.name();
        at_.expect("< CAST(");
        return sweep_in_model(on_, table, std::stoll(at_.word()));
    }

    executed comment_column(const std::string& table)
    {
        auto* t = on_.tables.find(table);
        if (t == nullptr) return failed(sql_error("42P01", "TABLE_OR_VIEW_NOT_FOUND", table));
        const std::string column = at_.name();
        at_.expect("COMMENT");
        const std::string comment = at_.text();
        for (auto& c : t->columns)
            if (c.name == column) c.comment = comment;
        return ddl_answer();
    }

    executed comment_table()
    {
        const std::string table = at_.full_name();
        auto* t = on_.tables.find(table);
        if (t == nullptr) return failed(sql_error("42P01", "TABLE_OR_VIEW_NOT_FOUND", table));
        at_.expect("IS");
        t->comment = at_.text();
        return ddl_answer();
    }

    // Nullopt: something else stands here. Steps over what it knows.
    std::optional<executed> create()
    {
        if (at_.eat("CREATE SCHEMA IF NOT EXISTS")) {
            const std::string name = at_.full_name();
            if (at_.eat("COMMENT")) at_.text();
            return ddl_answer(on_.tables.create_schema(name, true));
        }
        if (at_.eat("CREATE VOLUME IF NOT EXISTS")) {
            on_.volumes.insert(at_.full_name());
            if (at_.eat("COMMENT")) at_.text();
            return ddl_answer();
        }
        if (at_.eat("CREATE TABLE IF NOT EXISTS")) return create_table(true);
        if (at_.eat("CREATE TABLE")) return create_table(false);
        if (at_.eat("CREATE OR REPLACE VIEW")) return create_view();
        return std::nullopt;
    }

    executed create_table(bool if_not_exists)
    {
        const std::string name = at_.full_name();
        const bool is_new = on_.tables.find(name) == nullptr;
        auto made = on_.tables.create(name, definitions(at_.parenthesis()), if_not_exists);
        if (at_.eat("CLUSTER BY")) at_.parenthesis();
        const std::string comment = at_.eat("COMMENT") ? at_.text() : std::string();
        if (!made && is_new) on_.tables.find(name)->comment = comment;
        if (!made && is_new && at_.eat("TBLPROPERTIES")) return set_properties(name);
        return ddl_answer(std::move(made));
    }

    // One after the other; the first that fails ends it, and what was done stays. Answers what the last one does.
    executed script()
    {
        auto last = ddl_answer();
        while (!at_.eat("END")) {
            last = statement();
            if (last.error) return last;
            at_.skip_part();
            at_.expect(";");
        }
        return last;
    }

    executed create_view()
    {
        const std::string name = at_.full_name();
        (void)on_.tables.drop(name, true);
        auto columns = definitions(at_.parenthesis());
        at_.expect("COMMENT");
        auto made = on_.tables.create(name, std::move(columns), false, at_.text());
        at_.skip_part();
        if (!made) on_.tables.find(name)->type = "VIEW";
        return ddl_answer(std::move(made));
    }

    executed set_properties(const std::string& table)
    {
        auto* t = on_.tables.find(table);
        if (t == nullptr) return failed(sql_error("42P01", "TABLE_OR_VIEW_NOT_FOUND", table));
        std::vector<std::string> texts;
        for (const auto& w : at_.parenthesis())
            if (w.is == sql_word::kind::text) texts.push_back(w.value);
        for (std::size_t i = 0; i + 1 < texts.size(); i += 2) t->properties[texts[i]] = texts[i + 1];
        return ddl_answer();
    }

    executed read_fence()
    {
        const std::string table = at_.full_name();
        at_.expect("WHERE table_name IN (");
        return {.columns = {{"fence", "BIGINT"}}, .rows = {{std::to_string(on_.tables.fence_of(table, at_.text()))}}};
    }

    executed copy()
    {
        const std::string table = at_.full_name();
        at_.expect("FROM");
        auto inner = at_.parenthesis();
        const std::string folder = inner.back().value;
        at_.expect("FILEFORMAT =");
        const std::string format = at_.word();
        at_.expect("FILES =");
        std::vector<std::string> paths;
        for (const auto& w : at_.parenthesis())
            if (w.is == sql_word::kind::text) paths.push_back(folder + "/" + w.value);
        const auto columns = selected(inner);
        return insert_answer(on_.tables.copy_into(table, columns, paths, on_.file_reader({.format = format, .needs = columns})));
    }

    executed merge()
    {
        const std::string table = at_.full_name();
        at_.expect("AS t USING");
        if (auto moved = fences_in_model(on_, table, at_, counted_)) return *moved;
        const auto source = at_.parenthesis();
        const auto has = [&source](std::string_view word) {
            return std::any_of(source.begin(), source.end(), [&](const auto& w) { return w.value == word; });
        };
        if (has("row_number") && !has("read_files") && !has("from_json")) return wide(table, source);
        auto columns = selected(source);
        at_.expect("AS s ON");
        std::vector<std::string> key;
        while (at_.eat("t.")) {
            const std::string column = at_.name();
            if (!at_.eat("= s.")) break;
            at_.name();
            key.push_back(column);
            if (!at_.eat("AND")) break;
        }
        at_.find("WHEN");
        if (!at_.eat("WHEN MATCHED AND s._op = ")) {
            const auto from = read_files_of(source);
            const auto rows = from.path.empty() ? passed_rows(call_) : staged_rows(on_, from);
            if (!rows) return failed(sql_error("42K03", "PATH_NOT_FOUND", "Path does not exist: " + from.path));
            if (!has("row_number")) return merge_answer(on_.tables.insert_new(table, key, *rows));
            std::map<std::string, row> once;  // by key
            for (const auto& r : *rows) {
                std::string of;
                for (const auto& k : key) of += r.at(k).value_or("") + "|";
                once.emplace(of, r);
            }
            std::vector<row> different;
            for (auto& [of, r] : once) different.push_back(r);
            return merge_answer(on_.tables.insert_new(table, key, different));
        }
        return merge_rows_of_keyed(table, source, columns, key);
    }

    executed merge_rows_of_keyed(const std::string& table, const std::vector<sql_word>& source,
                                 const std::vector<std::string>& columns, const std::vector<std::string>& key)
    {
        fake_tables::fence_guard guard{.fence_table = schema_of(table) + "._lakeferry_loads"};
        read_guard(source, guard);
        const auto from = read_files_of(source);
        const auto rows = from.path.empty() ? passed_rows(call_) : staged_rows(on_, from);
        if (!rows) return failed(sql_error("42K03", "PATH_NOT_FOUND", "Path does not exist: " + from.path));
        return merge_answer(on_.tables.merge_keyed(table, key, columns, *rows, guard));
    }

    // "table_name IN ('x', …)) < 12" at the end of a source.
    static void read_guard(const std::vector<sql_word>& source, fake_tables::fence_guard& guard)
    {
        for (std::size_t i = 0; i + 3 < source.size(); ++i)
            if (source[i].value == "table_name" && source[i + 1].value == "IN") guard.table_name = source[i + 3].value;
        guard.load = std::stoll(source.back().value);
    }

    // Of all rows of the logs inside the bounds, the newest of each profile.
    executed wide(const std::string& table, const std::vector<sql_word>& source)
    {
        std::map<std::string, std::pair<std::int64_t, row>> newest;
        std::vector<std::string> columns{"canonical_segment_id"};
        for (const auto& c : selected(source))
            if (std::find(columns.begin(), columns.end(), c) == columns.end() && c != "_newest") columns.push_back(c);
        std::vector<std::string> logs;
        for (std::size_t i = 0; i + 5 < source.size(); ++i)
            if (source[i].value == "FROM" && source[i + 1].is == sql_word::kind::name && source[i + 5].value != "_lakeferry_loads") {
                const std::string log = source[i + 1].value + "." + source[i + 3].value + "." + source[i + 5].value;
                const std::int64_t above = std::stoll(source[i + 9].value);
                const std::int64_t upto = std::stoll(source[i + 14].value);
                const auto* found = on_.tables.find(log);
                if (found == nullptr) return failed(sql_error("42P01", "TABLE_OR_VIEW_NOT_FOUND", log));
                for (const auto& r : found->rows) {
                    const std::int64_t seq = std::stoll(*r.at("seq"));
                    auto& best = newest[*r.at("segment_id")];
                    if (seq <= above || seq > upto || seq <= best.first) continue;
                    best = {seq, wide_row(r, columns)};
                }
            }
        std::vector<row> rows;
        for (auto& [profile, one] : newest)
            if (one.first != 0) rows.push_back(std::move(one.second));
        fake_tables::fence_guard guard{.fence_table = schema_of(table) + "._lakeferry_loads"};
        read_guard(source, guard);
        return merge_answer(on_.tables.merge_keyed(table, {"canonical_segment_id"}, columns, rows, guard));
    }

    static row wide_row(const row& log, const std::vector<std::string>& columns)
    {
        row out;
        for (const auto& c : columns)
            if (const auto found = log.find(c); found != log.end() && c != "canonical_segment_id") out[c] = found->second;
        out["canonical_segment_id"] = log.at("segment_id");
        const auto canonical = log.find("canonical_segment_id");
        if (canonical != log.end() && canonical->second != log.at("segment_id")) out["merged_to"] = canonical->second;
        return out;
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

    fake_workspace& on_;
    const statement_call& call_;
    sql_cursor at_;
    std::int64_t counted_ = 0;  // the script's variable
};

}  // namespace

executor landing_executor(fake_workspace& on)
{
    return [&on](const statement_call& call) {
        // A filling ends with a sweep by seq; every other DELETE forgets people.
        const bool sweep = call.what.text.find(" WHERE `seq` < CAST(") != std::string::npos;
        if (auto erased = sweep ? std::nullopt : erasure_statement(on, call)) return *erased;
        return statement_model(on, call).run();
    };
}

}  // namespace lakeferry::test
