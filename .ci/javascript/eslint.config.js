// Rules for the explorers' modules, the script that hosts them on the site, and this file.
import js from "@eslint/js";
import globals from "globals";

export default [
    { ignores: ["_build/**", ".venv/**", "**/node_modules/**"] },
    js.configs.recommended,
    {
        languageOptions: { globals: globals.browser },
        linterOptions: { reportUnusedDisableDirectives: "error" },
        rules: {
            eqeqeq: ["error", "always", { null: "ignore" }],
            "no-var": "error",
            "prefer-const": "error",
        },
    },
    { files: ["book/assets/*.js"], languageOptions: { sourceType: "script" } },
];
