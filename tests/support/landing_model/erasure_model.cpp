#include "tests/support/landing_model/erasure_model.hpp"

#include "sync/core/hash.hpp"
#include "tests/support/landing_model/sql_words.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace lakeferry::test {

using namespace fake_databricks;

namespace {

using condition = std::function<bool(const row&)>;

std::optional<std::string> value_of(const row& r, const std::string& column)
{
    const auto at = r.find(column);
    return at == r.end() ? std::nullopt : at->second;
}

// The texts that may identify somebody inside a JSON text: ids of items, values of members.
std::vector<std::string> inner_texts(const std::string& json_text)
{
    std::vector<std::string> out;
    boost::system::error_code ec;
    const auto value = boost::json::parse(json_text, ec);
    if (ec) return out;
    const auto add = [&out](const boost::json::value& v) {
        out.push_back(v.is_string() ? std::string(v.get_string()) : boost::json::serialize(v));
    };
    if (const auto* items = value.if_array()) {
        for (const auto& item : *items)
            if (item.is_object() && item.get_object().contains("id")) add(item.get_object().at("id"));
    } else if (const auto* members = value.if_object()) {
        for (const auto& member : *members) add(member.value());
    }
    return out;
}

// Reads conditions as erasure_sql.cpp writes them. NULL counts as false, as it does in WHERE.
class reader {
public:
    explicit reader(const std::string& text) : words_(split_sql(text)), text_(text) {}

    bool eat(std::string_view words)
    {
        std::size_t at = at_;
        for (const auto& w : split_sql(words)) {
            if (at >= words_.size() || words_[at].is != w.is || words_[at].value != w.value) return false;
            ++at;
        }
        at_ = at;
        return true;
    }
    void expect(std::string_view words)
    {
        if (!eat(words)) surprised(words);
    }
    std::string take(sql_word::kind kind)
    {
        if (at_ >= words_.size() || words_[at_].is != kind) surprised("another kind of word");
        return words_[at_++].value;
    }
    std::string full_name()
    {
        std::string out = take(sql_word::kind::name);
        while (eat(".")) out += "." + take(sql_word::kind::name);
        return out;
    }
    bool at_end() const { return at_ >= words_.size(); }

    condition any()
    {
        auto left = all();
        while (eat("OR")) {
            auto right = all();
            left = [left, right](const row& r) { return left(r) || right(r); };
        }
        return left;
    }
    // "CASE WHEN … THEN NULL ELSE `c` END": when the column becomes NULL.
    condition becomes_null()
    {
        expect("CASE WHEN");
        auto when = any();
        expect("THEN");
        if (!eat("NULL")) skip_to("ELSE");
        expect("ELSE");
        take(sql_word::kind::name);
        expect("END");
        return when;
    }

private:
    condition all()
    {
        auto left = one();
        while (eat("AND")) {
            auto right = one();
            left = [left, right](const row& r) { return left(r) && right(r); };
        }
        return left;
    }
    condition one()
    {
        if (eat("NOT")) {
            auto inner = one();
            return [inner](const row& r) { return !inner(r); };
        }
        if (eat("(")) {
            auto inner = any();
            expect(")");
            return inner;
        }
        if (eat("false")) return [](const row&) { return false; };
        if (eat("exists (")) return inside();
        if (eat("sha2 ( concat (")) {
            const auto salt = take(sql_word::kind::text);
            expect(", CAST (");
            const auto column = take(sql_word::kind::name);
            expect("AS STRING ) ) , 256 )");
            return [salt, column, hashes = list()](const row& r) {
                const auto v = value_of(r, column);
                return v && hashes.contains(core::sha256_hex(salt + *v));
            };
        }
        return of_column(take(sql_word::kind::name));
    }
    condition of_column(const std::string& column)
    {
        if (eat("IS NULL")) return [column](const row& r) { return !value_of(r, column); };
        if (eat("IS NOT NULL")) return [column](const row& r) { return value_of(r, column).has_value(); };
        if (eat("< = CAST (")) {
            const auto bound = take(sql_word::kind::text);
            expect("AS TIMESTAMP )");
            return [column, bound](const row& r) {
                const auto v = value_of(r, column);
                return v && *v <= bound;
            };
        }
        return [column, values = list()](const row& r) {
            const auto v = value_of(r, column);
            return v && values.contains(*v);
        };
    }
    // exists(from_json(`c`, …), x -> sha2(concat('salt', …)…) IN (…))
    condition inside()
    {
        while (words_.at(at_).is != sql_word::kind::name) ++at_;
        const auto column = take(sql_word::kind::name);
        skip_to("concat");
        expect("concat (");
        const auto salt = take(sql_word::kind::text);
        skip_to("IN");
        const auto hashes = list();
        expect(")");
        return [column, salt, hashes](const row& r) {
            const auto v = value_of(r, column);
            if (!v) return false;
            const auto texts = inner_texts(*v);
            return std::any_of(texts.begin(), texts.end(),
                               [&](const auto& t) { return hashes.contains(core::sha256_hex(salt + t)); });
        };
    }
    std::set<std::string> list()
    {
        expect("IN (");
        std::set<std::string> out;
        do {
            out.insert(take(sql_word::kind::text));
        } while (eat(","));
        expect(")");
        return out;
    }
    void skip_to(std::string_view word)
    {
        while (at_ < words_.size() && words_[at_].value != word) ++at_;
    }
    [[noreturn]] void surprised(std::string_view wanted) const
    {
        std::fprintf(stderr, "the model of erasures wanted %.*s at word %zu of:\n%s\n", static_cast<int>(wanted.size()),
                     wanted.data(), at_, text_.c_str());
        std::abort();
    }

    std::vector<sql_word> words_;
    std::string text_;
    std::size_t at_ = 0;
};

executed missing(const std::string& name) { return failed(sql_error("42P01", "TABLE_OR_VIEW_NOT_FOUND", name)); }

executed affected(std::size_t rows)
{
    return {.columns = {{"num_affected_rows", "BIGINT"}}, .rows = {{std::to_string(rows)}}};
}

executed census(fake_workspace& on, reader& at)
{
    executed out{.columns = {{"table_name", "STRING"}, {"removed", "BIGINT"}, {"blanked", "BIGINT"}}};
    do {
        at.eat("SELECT");
        const auto name = at.take(sql_word::kind::text);
        at.expect("AS table_name , count_if (");
        const auto remove = at.any();
        at.expect(") AS removed , count_if (");
        const auto blank = at.any();
        at.expect(") AS blanked FROM");
        const auto full = at.full_name();
        at.expect("WHERE");
        at.any();
        const auto* table = on.tables.find(full);
        if (table == nullptr) return missing(full);
        const auto count = [&](const condition& c) {
            return std::to_string(std::count_if(table->rows.begin(), table->rows.end(), c));
        };
        out.rows.push_back({name, count(remove), count(blank)});
    } while (at.eat("UNION ALL"));
    return out;
}

}  // namespace

std::optional<executed> erasure_statement(fake_workspace& on, const statement_call& call)
{
    reader at(call.what.text);
    if (at.eat("REORG TABLE") || at.eat("VACUUM")) return ddl_answer();
    if (at.eat("DELETE FROM")) {
        const auto name = at.full_name();
        at.expect("WHERE");
        const auto gone = at.any();
        auto* table = on.tables.find(name);
        if (table == nullptr) return missing(name);
        return affected(static_cast<std::size_t>(std::erase_if(table->rows, gone)));
    }
    if (at.eat("UPDATE")) {
        const auto name = at.full_name();
        at.expect("SET");
        std::vector<std::pair<std::string, condition>> sets;
        do {
            const auto column = at.take(sql_word::kind::name);
            at.expect("=");
            sets.emplace_back(column, at.becomes_null());
        } while (at.eat(","));
        at.expect("WHERE");
        const auto which = at.any();
        auto* table = on.tables.find(name);
        if (table == nullptr) return missing(name);
        std::size_t rows = 0;
        for (auto& r : table->rows) {
            if (!which(r)) continue;
            ++rows;
            const row before = r;
            for (const auto& [column, when] : sets)
                if (when(before)) r.erase(column);
        }
        return affected(rows);
    }
    if (at.eat("SELECT DISTINCT `event` FROM")) {
        const auto name = at.full_name();
        at.expect("WHERE");
        const auto which = at.any();
        const auto* table = on.tables.find(name);
        if (table == nullptr) return missing(name);
        std::set<std::string> events;
        for (const auto& r : table->rows)
            if (which(r)) events.insert(value_of(r, "event").value_or(""));
        executed out{.columns = {{"event", "STRING"}}};
        for (const auto& e : events) out.rows.push_back({e});
        return out;
    }
    if (call.what.text.find(" AS table_name, count_if(") == std::string::npos) return std::nullopt;
    return census(on, at);
}

}  // namespace lakeferry::test
