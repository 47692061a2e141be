// Set up for each test file that may start programs, beside leaks.ts.
import "./leaks-look-programs.ts";
