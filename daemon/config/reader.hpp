// Reads typed values out of one table of a document and writes down everything that is wrong with them.
#pragma once

#include "daemon/config/keys.hpp"
#include "daemon/config/tree.hpp"
#include "sync/core/space_config.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace lakeferry::daemon {

// What a reader needs to know about its document. The document, its name and `found` outlive all readers.
struct document {
    config_file kind = config_file::daemon;
    std::string file{};
    problems* found = nullptr;
};

// Absent keys leave the target as it was; wrong ones as well, with a finding. Construct one for every
// table, present or not: it reports the names that nobody knows.
class reader {
public:
    // path: of this table in known_keys(), "" for the top. table: nullptr if the document has none.
    reader(const document& in, const toml_value* table, std::string path);

    // Messages about this table name it like this: "identity.identifiers[2]".
    void call_it(std::string shown) { shown_ = std::move(shown); }

    // The document has this table.
    bool present() const noexcept { return table_ != nullptr; }
    bool has(const std::string& key) const noexcept { return table_ != nullptr && table_->find(key) != nullptr; }
    unsigned line_of(const std::string& key) const noexcept;

    void text(const std::string& key, std::string& to) const;
    void flag(const std::string& key, bool& to) const;
    template <class Integer>
    void integer(const std::string& key, std::int64_t low, std::int64_t high, Integer& to) const
    {
        if (const auto got = whole(key, low, high)) to = static_cast<Integer>(*got);
    }
    std::optional<std::chrono::seconds> duration(const std::string& key) const;
    template <class Size>
    void size(const std::string& key, std::uint64_t low, std::uint64_t high, Size& to) const
    {
        if (const auto got = bytes(key, low, high)) to = static_cast<Size>(*got);
    }
    void texts(const std::string& key, std::vector<std::string>& to) const;
    // { credential = "name" } or { file = "path" }; relative paths stay as they are.
    void secret(const std::string& key, core::secret_ref& to) const;
    // One of `names`; its index.
    std::optional<std::size_t> choice(const std::string& key, const std::vector<std::string>& names) const;
    // The members of an array of tables.
    std::vector<const toml_value*> tables(const std::string& key) const;
    const toml_value* table(const std::string& key) const;
    const toml_value* raw(const std::string& key) const;

    // Adds "is missing" if the key is absent.
    bool require(const std::string& key, const std::string& cure) const;
    void complain(const std::string& key, std::string what, std::string cure) const;
    const document& in() const noexcept { return in_; }

private:
    void report_unknown() const;
    std::optional<std::int64_t> whole(const std::string& key, std::int64_t low, std::int64_t high) const;
    std::optional<std::uint64_t> bytes(const std::string& key, std::uint64_t low, std::uint64_t high) const;
    void wrong_type(const std::string& key, const toml_value& value, const std::string& wanted) const;

    const document& in_;
    const toml_value* table_;
    std::string path_;
    std::string shown_;
};

}  // namespace lakeferry::daemon
