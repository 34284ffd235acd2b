import { repetitions } from '../../support/repetitions.ts';
import { describeGuesses } from './guesses.ts';

describeGuesses('postgres', repetitions({ few: 2, many: 50 }));
