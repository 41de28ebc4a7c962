// Splits a statement of the landing into words, names, texts and signs. Knows no grammar.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::test {

struct sql_word {
    enum class kind { word, name, text, sign };
    kind is = kind::sign;
    std::string value{};  // word as written, name and text without quotes and escapes, sign one character
};

// Comments are left out. A text that is not closed ends with the statement.
std::vector<sql_word> split_sql(std::string_view statement);

// A place in a split statement. Fails the test process where the statement is not what was expected, for the
// landing writes these statements and the model must know each of them.
class sql_cursor {
public:
    explicit sql_cursor(std::string_view statement) : words_(split_sql(statement)), text_(statement) {}

    bool at_end() const noexcept { return at_ >= words_.size(); }
    // Looks for the words (separated by spaces, compared without case) right here; steps over them if they are.
    bool eat(std::string_view words);
    void expect(std::string_view words);
    std::string name();        // `x`
    std::string text();        // 'x'
    std::string word();        // x
    std::string full_name();   // `a`.`b`.`c` as "a.b.c"
    // Steps forward until the words stand here.
    void find(std::string_view words);
    // Steps to the end of the statement, or of this part of a script.
    void skip_part();
    // Everything inside the parenthesis that opens here, stepping over it.
    std::vector<sql_word> parenthesis();

private:
    bool matches(std::string_view words, std::size_t& end) const;
    [[noreturn]] void surprised(std::string_view wanted) const;

    std::vector<sql_word> words_;
    std::string text_;
    std::size_t at_ = 0;
};

}  // namespace lakeferry::test
